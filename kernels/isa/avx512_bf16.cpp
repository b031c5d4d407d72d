// The kernels that AVX-512-BF16 adds: Cooper Lake, Sapphire Rapids, Zen 4 and later. Only float weights gain
// by it; everything else comes from the ISAs below.
#if !defined(__clang__)
// GCC 12's own AVX-512 header initialises a register with itself to leave it undefined, and warns wherever
// that is inlined.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include "kernels/isa/region.hpp"
#include "kernels/ops/scratch.hpp"

ISA_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16")

namespace oldiron::avx512_bf16 {
namespace {

constexpr int kParts = 1;

// clang-format off
#include "kernels/isa/avx512_words.inl"
#include "kernels/isa/bf16_words.inl"
#include "kernels/ops/math.inl"
#include "kernels/ops/job.inl"
#include "kernels/ops/tile.inl"
#include "kernels/ops/tile_bf16.inl"

// clang-format on

template <class Weights>
constexpr Kernel matmul_row() {
  return {Op::matmul,
          Weights::kType,
          Layout::r16,
          Isa::avx512_bf16,
          "pairs",
          Contract::requantised,
          MatmulFn{tile_matmul<Dot2<Weights>>}};
}

template <class Weights>
constexpr Kernel gated_row() {
  return {Op::gated,
          Weights::kType,
          Layout::r16,
          Isa::avx512_bf16,
          "pairs",
          Contract::requantised,
          GatedFn{tile_gated<Dot2<Weights>>}};
}

constexpr Kernel kTable[] = {matmul_row<F16Pairs>(), matmul_row<Bf16Pairs>(), gated_row<F16Pairs>(),
                             gated_row<Bf16Pairs>()};

}  // namespace
}  // namespace oldiron::avx512_bf16

ISA_END

namespace oldiron::avx512_bf16 {

std::span<const Kernel> table() { return kTable; }

}  // namespace oldiron::avx512_bf16
