// Included into a region with the words of AVX-512, BF16 and tile registers: the products by tiles, and their
// rows.
constexpr Isa kIsa = Isa::amx;
constexpr int kParts = 1;

// clang-format off
#include "kernels/ops/math.inl"
#include "kernels/ops/job.inl"
#include "kernels/ops/group.inl"
#include "kernels/ops/tile.inl"
#include "kernels/ops/tile_bf16.inl"
#include "kernels/ops/tile_amx.inl"
#include "kernels/formats/q4_0.inl"
#include "kernels/formats/scales6.inl"
#include "kernels/formats/q4_k.inl"
#include "kernels/formats/q6_k.inl"
#include "kernels/formats/q8_0.inl"
// clang-format on

// Half a tile of columns: with fewer, most of a tile multiplies zeros. On paper; no AMX was at hand to
// measure.
constexpr std::int64_t kFromColumns = 8;

template <class Product>
constexpr Kernel matmul_row(const char* variant, Contract contract) {
  return {Op::matmul,  Product::kType, Layout::r16, kIsa, variant, contract, MatmulFn{tile_matmul<Product>},
          kFromColumns};
}

template <class Product>
constexpr Kernel gated_row(const char* variant, Contract contract) {
  return {Op::gated,   Product::kType, Layout::r16, kIsa, variant, contract, GatedFn{tile_gated<Product>},
          kFromColumns};
}

constexpr Kernel kTable[] = {
    matmul_row<TilesInt8<Q8_0>>("int8_tiles", Contract::exact_integer),
    matmul_row<TilesInt8<Q4_0>>("int8_tiles", Contract::exact_integer),
    matmul_row<TilesInt8<Q4_K>>("int8_tiles", Contract::exact_integer),
    matmul_row<TilesInt8<Q6_K>>("int8_tiles", Contract::exact_integer),
    gated_row<TilesInt8<Q8_0>>("int8_tiles", Contract::exact_integer),
    gated_row<TilesInt8<Q4_0>>("int8_tiles", Contract::exact_integer),
    gated_row<TilesInt8<Q4_K>>("int8_tiles", Contract::exact_integer),
    gated_row<TilesInt8<Q6_K>>("int8_tiles", Contract::exact_integer),
    matmul_row<TilesBf16<PairsOfFloats<F16Pairs>>>("bf16_tiles", Contract::requantised),
    matmul_row<TilesBf16<PairsOfFloats<Bf16Pairs>>>("bf16_tiles", Contract::requantised),
    matmul_row<TilesBf16<PairsOfQuantised<Q8_0>>>("bf16_tiles", Contract::requantised),
    matmul_row<TilesBf16<PairsOfQuantised<Q4_0>>>("bf16_tiles", Contract::requantised),
    matmul_row<TilesBf16<PairsOfQuantised<Q4_K>>>("bf16_tiles", Contract::requantised),
    matmul_row<TilesBf16<PairsOfQuantised<Q6_K>>>("bf16_tiles", Contract::requantised),
    gated_row<TilesBf16<PairsOfFloats<F16Pairs>>>("bf16_tiles", Contract::requantised),
    gated_row<TilesBf16<PairsOfFloats<Bf16Pairs>>>("bf16_tiles", Contract::requantised),
    gated_row<TilesBf16<PairsOfQuantised<Q8_0>>>("bf16_tiles", Contract::requantised),
    gated_row<TilesBf16<PairsOfQuantised<Q4_0>>>("bf16_tiles", Contract::requantised),
    gated_row<TilesBf16<PairsOfQuantised<Q4_K>>>("bf16_tiles", Contract::requantised),
    gated_row<TilesBf16<PairsOfQuantised<Q6_K>>>("bf16_tiles", Contract::requantised),
};
