// The rows of AMX without AMX: the bodies of kernels/isa/amx.cpp on emulated tile registers. product_test.cpp
// runs these rows through all its cases; here is what only they promise, and the emulation itself.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include "tests/kernels/tile_rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <immintrin.h>

#include <cmath>
#include <numeric>

#include "kernels/isa/region.hpp"
#include "kernels/ops/scratch.hpp"
#include "kernels/ops/tile_registers.hpp"
#include "tests/kernels/product_case.hpp"

ISA_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16")

namespace oldiron::amx_emulated {
namespace {

// clang-format off
#include "kernels/isa/avx512_words.inl"
#include "kernels/isa/bf16_words.inl"
#include "tests/kernels/tile_emulation.inl"
#include "kernels/isa/amx_table.inl"

// clang-format on

// Of 2 x 8 bytes by 2 x 8: both rows of the left operand, one row and a half of the right one.
void small_int8(const std::int8_t (&a)[2][8], const std::int8_t (&b)[2][8], std::int32_t (&sums)[2][2]) {
  tile_shapes(TileShapes().set(0, 2, 8).set(1, 2, 8).set(2, 2, 8));
  tile_load<0>(sums, 8);
  tile_load<1>(a, 8);
  tile_load<2>(b, 8);
  tile_dot_int8<0, 1, 2>();
  tile_store<0>(sums, 8);
  tile_release();
}

float one_bf16(const std::uint16_t (&a)[4], const std::uint16_t (&b)[4], float sum) {
  tile_shapes(TileShapes().set(0, 1, 4).set(1, 1, 8).set(2, 2, 4));
  tile_load<0>(&sum, 4);
  tile_load<1>(a, 8);
  tile_load<2>(b, 4);
  tile_dot_bf16<0, 1, 2>();
  tile_store<0>(&sum, 4);
  tile_release();
  return sum;
}

}  // namespace
}  // namespace oldiron::amx_emulated

ISA_END

namespace oldiron {

std::span<const Kernel> emulated_tile_rows() {
  static const std::vector<Kernel> kRows = [] {
    std::vector<Kernel> rows(std::begin(amx_emulated::kTable), std::end(amx_emulated::kTable));
    for (Kernel& row : rows) {
      row.variant = row.contract == Contract::exact_integer ? "int8_tiles_emulated" : "bf16_tiles_emulated";
    }
    return rows;
  }();
  return kRows;
}

namespace {

TEST(TileEmulationTest, IntegersAreSignedAndAddUp) {
  if (!runs_here(Isa::avx512_bf16)) GTEST_SKIP() << "the emulation is compiled for AVX-512";
  const std::int8_t a[2][8] = {{1, 2, 3, 4, -128, 127, 0, 0}, {0, 0, 0, 0, 0, 0, 0, -1}};
  const std::int8_t b[2][8] = {{1, 1, 1, 1, -1, 0, 0, 0}, {-128, 127, 0, 0, 0, 0, 0, 5}};
  std::int32_t sums[2][2] = {{100, 200}, {300, 400}};
  amx_emulated::small_int8(a, b, sums);
  EXPECT_EQ(sums[0][0], 100 + 10 + 128 * 128 + 127 * 127);
  EXPECT_EQ(sums[0][1], 200 - 1);
  EXPECT_EQ(sums[1][0], 300);
  EXPECT_EQ(sums[1][1], 400 - 5);
}

constexpr std::uint16_t bf16(float x) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16);
}

TEST(TileEmulationTest, EvenAndOddProductsMeetBeforeTheSum) {
  if (!runs_here(Isa::avx512_bf16)) GTEST_SKIP() << "the emulation is compiled for AVX-512";
  const std::uint16_t one = bf16(1), big = bf16(0x1p25F), minus_big = bf16(-0x1p25F);
  // Even products 2^25 and 1, odd ones -2^25 and 1: each chain rounds its 1 away, and 2^25 - 2^25 leaves
  // nothing.
  EXPECT_EQ(amx_emulated::one_bf16({big, minus_big, one, one}, {one, one, one, one}, 0.5F), 0.5F);
  // In the other order of k each chain has room for it until the end; 2^25 + 1 still rounds.
  EXPECT_EQ(amx_emulated::one_bf16({big, one, minus_big, one}, {one, one, one, one}, 0.5F), 2.5F);
  // What the tile held comes last: it does not meet the chains one by one.
  EXPECT_EQ(amx_emulated::one_bf16({big, minus_big, one, 0}, {one, one, one, one}, 1.0F), 1.0F);
}

TEST(TileEmulationTest, DenormalsCountAsZero) {
  if (!runs_here(Isa::avx512_bf16)) GTEST_SKIP() << "the emulation is compiled for AVX-512";
  const std::uint16_t one = bf16(1), denormal = 1, tiny = bf16(0x1p-126F), half = bf16(0.5F),
                      huge = bf16(0x1p100F);
  EXPECT_EQ(amx_emulated::one_bf16({denormal, 0, 0, 0}, {huge, one, one, one}, 0.0F), 0.0F);
  EXPECT_EQ(amx_emulated::one_bf16({tiny, 0, 0, 0}, {half, one, one, one}, 0.0F), 0.0F);
  EXPECT_EQ(amx_emulated::one_bf16({tiny, 0, 0, 0}, {one, one, one, one}, 0.0F), 0x1p-126F);
}

TEST(TileEmulationTest, TiesGoToEven) {
  if (!runs_here(Isa::avx512_bf16)) GTEST_SKIP() << "the emulation is compiled for AVX-512";
  const std::uint16_t one = bf16(1), last = bf16(0x1p-24F);
  EXPECT_EQ(amx_emulated::one_bf16({one, 0, last, 0}, {one, one, one, one}, 0.0F), 1.0F);
  EXPECT_EQ(amx_emulated::one_bf16({bf16(1.0F), 0, bf16(0x1.8p-23F), 0}, {one, one, one, one}, 0.0F),
            1.0F + 0x1p-22F);
}

// The choice between them by the number of columns stands on this.
TEST(TileRowsTest, Int8TilesHaveTheBitsOfVnni) {
  if (!runs_here(Isa::avx512_bf16)) GTEST_SKIP() << "the emulation is compiled for AVX-512";
  constexpr std::int64_t kM = 48, kK = 768, kMost = 70;
  for (const Kernel& tiles : emulated_tile_rows()) {
    if (tiles.contract != Contract::exact_integer) continue;
    Kernel vnni = tiles;
    for (const Kernel& kernel : kernels()) {
      if (kernel.op == tiles.op && kernel.type == tiles.type && kernel.contract == tiles.contract &&
          kernel.layout == tiles.layout && kernel.isa == Isa::avx512_vnni)
        vnni = kernel;
    }
    ASSERT_EQ(vnni.isa, Isa::avx512_vnni) << name(tiles);
    TestMatrix w(tiles.type, tiles.layout, kM, kK, std::uint64_t{3});
    TestMatrix up(tiles.type, tiles.layout, kM, kK, std::uint64_t{4});
    TestActivations x(kMost, kK, 5);
    std::vector<std::int32_t> map(kMost);
    std::iota(map.rbegin(), map.rend(), 0);
    for (const std::int64_t n : {1, 8, 16, 17, 32, 33, 70}) {
      std::vector<float> got(kM * kMost), wanted(kM * kMost);
      Product product{.w = w.data(),
                      .up = up.data(),
                      .m = kM,
                      .k = kK,
                      .n = n,
                      .row_begin = 16,
                      .row_end = kM,
                      .x = x.view(kK),
                      .x_column = map.data(),
                      .y_column = map.data(),
                      .y = got.data()};
      run(tiles, product);
      product.y = wanted.data();
      run(vnni, product);
      EXPECT_EQ(0, std::memcmp(got.data(), wanted.data(), got.size() * sizeof(float)))
          << name(tiles) << " n " << n;
    }
  }
}

// The rows of the registry are the ones that were emulated.
TEST(TileRowsTest, TheTableOfAmxIsTheEmulatedOne) {
  std::vector<std::string> real;
  std::vector<std::string> emulated;
  for (const Kernel& kernel : kernels()) {
    if (kernel.isa == Isa::amx) real.push_back(name(kernel) + "_emulated");
  }
  for (const Kernel& kernel : emulated_tile_rows()) emulated.push_back(name(kernel));
  EXPECT_EQ(real, emulated);
  EXPECT_FALSE(real.empty());
}

// More columns and rows than are laid out at once.
TEST(TileRowsTest, ManyColumnsAreThoseOfFew) {
  if (!runs_here(Isa::avx512_bf16) || small_tests()) GTEST_SKIP() << "needs AVX-512 and its time";
  constexpr std::int64_t kM = 48, kK = 256, kMany = 530;
  for (const Kernel& tiles : emulated_tile_rows()) {
    if (tiles.op != Op::matmul || (tiles.type != TensorType::q4_0 && tiles.type != TensorType::bf16))
      continue;
    TestMatrix w(tiles.type, tiles.layout, kM, kK, std::uint64_t{3});
    TestActivations x(kMany, kK, 5);
    std::vector<float> together(kM * kMany), apart(kM * kMany);
    Product product{
        .w = w.data(), .m = kM, .k = kK, .n = kMany, .row_end = kM, .x = x.view(kK), .y = together.data()};
    run(tiles, product);
    std::vector<std::int32_t> map(kMany);
    std::iota(map.begin(), map.end(), 0);
    product.y = apart.data();
    for (std::int64_t c = 0; c < kMany; c += product.n) {
      product.n = std::min<std::int64_t>(53, kMany - c);
      product.x_column = product.y_column = map.data() + c;
      run(tiles, product);
    }
    EXPECT_EQ(together, apart) << name(tiles);
  }
}

}  // namespace
}  // namespace oldiron
