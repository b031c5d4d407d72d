// Every matrix product of the table against the reference in double, under the contract its row declares.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/kernels/product_case.hpp"

namespace oldiron::product_test {
namespace {

std::vector<std::int64_t> widths(TensorType type) {
  const std::vector<std::int64_t> all = small_tests()
                                            ? std::vector<std::int64_t>{256}
                                            : std::vector<std::int64_t>{32, 96, 256, 512, 704, 2112, 4352};
  std::vector<std::int64_t> fitting;
  for (const std::int64_t k : all) {
    if (k % info(type).block == 0) fitting.push_back(k);
  }
  if (info(type).block == 1) fitting.push_back(17);  // the last k of an odd row stands alone
  return fitting;
}

std::vector<std::int64_t> columns() {
  if (small_tests()) return {1, 5, 9};
  std::vector<std::int64_t> n(17);
  std::iota(n.begin(), n.end(), 1);
  n.push_back(64);
  return n;
}

std::string test_name(const testing::TestParamInfo<Kernel>& info) {
  std::string text = name(info.param);
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

class ProductTest : public testing::TestWithParam<Kernel> {};

TEST_P(ProductTest, KeepsItsContract) {
  const Kernel& kernel = GetParam();
  for (const std::int64_t k : widths(kernel.type)) {
    for (const std::int64_t m : {16, 32, 48, 41}) {
      if (m % 16 != 0 && kernel.op == Op::gated && kernel.layout == Layout::r16) continue;  // not promised
      TestMatrix w(kernel.type, kernel.layout, m, k, std::uint64_t{7});
      TestMatrix up(kernel.type, kernel.layout, m, k, std::uint64_t{8});
      const std::int64_t n_max = columns().back();
      TestActivations x(n_max, k, 3);
      Poisoned<float> wanted(static_cast<std::size_t>(n_max * m));
      Product product{.w = w.data(),
                      .up = up.data(),
                      .m = m,
                      .k = k,
                      .n = n_max,
                      .row_end = m,
                      .x = x.view(k),
                      .y = wanted.data()};
      run(kernel, product, true);
      for (const std::int64_t n : columns()) {
        if (m != 16 && n != 1 && n != 5 && n != 17) continue;  // tiles of columns do not depend on m
        Poisoned<float> got(static_cast<std::size_t>(n * m));
        product.n = n;
        product.y = got.data();
        run(kernel, product);
        if (got.size() >= fewest_results(kernel)) {
          EXPECT_LE(nmse(got.span(), wanted.span().first(got.size())), limit(kernel))
              << "m " << m << " k " << k << " n " << n;
        }
        EXPECT_TRUE(got.untouched()) << "m " << m << " k " << k << " n " << n;
      }
    }
  }
}

// Longer than what a tile lays out at once, and panels and blocks of rows that do not come out even.
TEST_P(ProductTest, LongRowsAndManyColumns) {
  const Kernel& kernel = GetParam();
  if (small_tests() ||
      (kernel.isa == Isa::scalar && kernel.layout == Layout::r16 && info(kernel.type).block == 1))
    return;
  for (const auto& [m, k, n] :
       {std::tuple<std::int64_t, std::int64_t, std::int64_t>{16, 17152, 3}, {112, 4096, 43}}) {
    TestMatrix w(kernel.type, kernel.layout, m, k, std::uint64_t{7});
    TestMatrix up(kernel.type, kernel.layout, m, k, std::uint64_t{8});
    TestActivations x(n, k, 3);
    std::vector<float> wanted(static_cast<std::size_t>(m * n));
    std::vector<float> got(wanted.size());
    Product product{.w = w.data(),
                    .up = up.data(),
                    .m = m,
                    .k = k,
                    .n = n,
                    .row_end = m,
                    .x = x.view(k),
                    .y = wanted.data()};
    run(kernel, product, true);
    product.y = got.data();
    run(kernel, product);
    if (got.size() < fewest_results(kernel)) continue;
    EXPECT_LE(nmse(got, wanted), limit(kernel)) << "k " << k << " n " << n;
  }
}

TEST_P(ProductTest, SurvivesExtremeBytes) {
  const Kernel& kernel = GetParam();
  if (info(kernel.type).block == 1) return;  // floats have no extreme bytes
  constexpr std::int64_t kM = 16, kK = 512, kN = 5;
  for (const int byte : {0x80, 0x7f, 0xff, 0x00, 0x88, 0xf0, 0x0f}) {
    TestMatrix w(kernel.type, kernel.layout, kM, kK, static_cast<std::byte>(byte));
    TestMatrix up(kernel.type, kernel.layout, kM, kK, static_cast<std::byte>(0xff));
    TestActivations x(kN, kK, 3);
    const std::vector<double> w_size = row_sizes(kernel, w.data(), kM, kK);
    const std::vector<double> up_size = row_sizes(kernel, up.data(), kM, kK);
    for (const std::uint32_t signs : {0U, ~0U, 0x55555555U, 0x33333333U, 0xffff0000U}) {
      x.set_extreme(signs);
      Poisoned<float> wanted(kM * kN);
      Poisoned<float> got(kM * kN);
      Product product{.w = w.data(),
                      .up = up.data(),
                      .m = kM,
                      .k = kK,
                      .n = kN,
                      .row_end = kM,
                      .x = x.view(kK),
                      .y = wanted.data()};
      run(kernel, product, true);
      product.y = got.data();
      run(kernel, product);
      if (kernel.contract == Contract::requantised) {
        // Weights that are all alike are rounded all alike, and what cancels does not take the errors along:
        // 2^-8 of the sizes of the products, of each of two under the activation, whose slope is at
        // most 1.13.
        for (std::size_t i = 0; i < got.size(); ++i) {
          const double first = 127 * w_size[i % kM];
          const double second = 127 * up_size[i % kM];
          const double size = kernel.op == Op::gated ? 2.2 * first * second : first;
          ASSERT_NEAR(static_cast<double>(got[i]), static_cast<double>(wanted[i]), size / 256)
              << "byte " << byte << " signs " << signs;
        }
        continue;
      }
      // Sums that cancel to nothing have no relative error: the scale of the products counts.
      double square = 0;
      double error = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        square += static_cast<double>(wanted[i]) * static_cast<double>(wanted[i]);
        error += std::pow(static_cast<double>(got[i]) - static_cast<double>(wanted[i]), 2);
      }
      const double floor = kM * kN * std::pow(127.0 * 4, kernel.op == Op::gated ? 4 : 2);
      EXPECT_LE(error, limit(kernel) * std::max(square, floor)) << "byte " << byte << " signs " << signs;
    }
  }
}

// Bit for bit: whatever the number of columns, the split of the rows, and the way columns are gathered.
TEST_P(ProductTest, ColumnsAreExact) {
  const Kernel& kernel = GetParam();
  constexpr std::int64_t kM = 48, kColumns = 64;
  const std::int64_t k = small_tests() ? 256 : 768;
  TestMatrix w(kernel.type, kernel.layout, kM, k, std::uint64_t{9});
  TestMatrix up(kernel.type, kernel.layout, kM, k, std::uint64_t{10});
  TestActivations x(kColumns, k, 5);
  std::vector<float> alone(kM * kColumns);
  for (std::int32_t c = 0; c < kColumns; ++c) {
    run(kernel, {.w = w.data(),
                 .up = up.data(),
                 .m = kM,
                 .k = k,
                 .n = 1,
                 .row_end = kM,
                 .x = x.view(k),
                 .x_column = &c,
                 .y_column = &c,
                 .y = alone.data()});
  }
  for (const std::int64_t n : columns()) {
    if (n > kColumns) continue;
    std::vector<float> together(kM * kColumns);
    for (const auto& [begin, end] : {std::pair{0, 16}, {16, 48}}) {
      run(kernel, {.w = w.data(),
                   .up = up.data(),
                   .m = kM,
                   .k = k,
                   .n = n,
                   .row_begin = begin,
                   .row_end = end,
                   .x = x.view(k),
                   .y = together.data()});
    }
    EXPECT_EQ(0, std::memcmp(together.data(), alone.data(), static_cast<std::size_t>(n * kM) * sizeof(float)))
        << n;
  }
  // Gathered backwards from every second column, scattered to the places they came from.
  std::vector<std::int32_t> map;
  for (std::int32_t c = kColumns - 1; c >= 0; c -= 2) map.push_back(c);
  std::vector<float> gathered(kM * kColumns);
  run(kernel, {.w = w.data(),
               .up = up.data(),
               .m = kM,
               .k = k,
               .n = static_cast<std::int64_t>(map.size()),
               .row_end = kM,
               .x = x.view(k),
               .x_column = map.data(),
               .y_column = map.data(),
               .y = gathered.data()});
  for (const std::int32_t c : map) {
    EXPECT_EQ(0, std::memcmp(&gathered[static_cast<std::size_t>(c * kM)],
                             &alone[static_cast<std::size_t>(c * kM)], kM * sizeof(float)))
        << c;
  }
}

// What the limit of a gated row stands on: its products are those of the matmul row.
TEST_P(ProductTest, GatedMultipliesAsMatmulDoes) {
  const Kernel& gated = GetParam();
  if (gated.op != Op::gated) return;
  Kernel matmul = gated;
  for (const Kernel& kernel : product_kernels()) {
    if (kernel.op == Op::matmul && kernel.type == gated.type && kernel.isa == gated.isa &&
        kernel.contract == gated.contract && std::string_view(kernel.variant) == gated.variant)
      matmul = kernel;
  }
  ASSERT_EQ(matmul.op, Op::matmul);
  constexpr std::int64_t kM = 32, kK = 256, kN = 5;
  TestMatrix gate(gated.type, gated.layout, kM, kK, std::uint64_t{9});
  TestMatrix up(gated.type, gated.layout, kM, kK, std::uint64_t{10});
  TestActivations x(kN, kK, 5);
  std::vector<float> got(kM * kN), first(kM * kN), second(kM * kN);
  Product product{.w = gate.data(),
                  .up = up.data(),
                  .m = kM,
                  .k = kK,
                  .n = kN,
                  .row_end = kM,
                  .x = x.view(kK),
                  .y = got.data()};
  run(gated, product);
  product.y = first.data();
  run(matmul, product);
  product.w = up.data();
  product.y = second.data();
  run(matmul, product);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double g = static_cast<double>(first[i]);
    const double gelu = g / (1 + std::exp(-1.59576912160573071 * (g + 0.044715 * g * g * g)));
    EXPECT_NEAR(static_cast<double>(got[i]), gelu * static_cast<double>(second[i]), 1e-6) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, ProductTest, testing::ValuesIn(product_kernels()), test_name);

TEST(GatedTest, EveryActivation) {
  constexpr std::int64_t kM = 16, kK = 64, kN = 3;
  TestMatrix gate(TensorType::q8_0, Layout::r16, kM, kK, std::uint64_t{1});
  TestMatrix up(TensorType::q8_0, Layout::r16, kM, kK, std::uint64_t{2});
  TestActivations x(kN, kK, 1);
  for (const Activation activation : {Activation::gelu_tanh, Activation::silu, Activation::swiglu_oai})
  for (const Isa isa : isas_here()) {
    std::vector<float> got(kM * kN);
    std::vector<float> wanted(kM * kN);
    GatedArgs args{.type = TensorType::q8_0,
                   .gate = gate.data(),
                   .up = up.data(),
                   .width = kM,
                   .k = kK,
                   .n = kN,
                   .row_end = kM,
                   .activation = activation,
                   .x = x.view(kK),
                   .h = wanted.data(),
                   .h_stride = kM};
    gated_reference(args, false);
    args.h = got.data();
    kernel_set(isa).gated(TensorType::q8_0)(args);
    EXPECT_LE(nmse(got, wanted), 1e-10) << to_string(isa);
  }
}

}  // namespace
}  // namespace oldiron::product_test
