// Quantising, norms, RoPE, sums and the soft cap of every ISA against their obvious versions.
#include "kernels/ops/elementwise.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numbers>
#include <string>

#include "tests/kernels/product_case.hpp"

namespace oldiron::elementwise_test {
namespace {

class ElementwiseTest : public testing::TestWithParam<Isa> {
 protected:
  KernelSet kernels_ = kernel_set(GetParam());
};

void fill(std::span<float> x, unsigned seed, float deviation = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  for (float& v : x) v = normal(random);
}

TEST_P(ElementwiseTest, QuantizeGivesTheReferencesBytes) {
  for (const std::size_t k : {32U, 96U, 704U, 2816U}) {
    Poisoned<float> x(k);
    fill(x.span(), 1, 3);
    x[1] = 0.5F * std::fabs(x[0]);  // a tie, somewhere
    for (std::size_t i = 0; i < 32; ++i) x[i + k - 32] = k == 32 ? x[i] : static_cast<float>(i % 2);
    Poisoned<std::int8_t> q(k);
    Poisoned<float> scale(k / 32);
    Poisoned<std::int32_t> sum(k / 16);
    std::vector<std::int8_t> wanted_q(k);
    std::vector<float> wanted_scale(k / 32);
    std::vector<std::int32_t> wanted_sum(k / 16);
    ASSERT_TRUE(
        kernels_.quantize(x.data(), static_cast<std::int64_t>(k), q.data(), scale.data(), sum.data()));
    ASSERT_TRUE(quantize_reference(x.data(), static_cast<std::int64_t>(k), wanted_q.data(),
                                   wanted_scale.data(), wanted_sum.data()));
    EXPECT_EQ(0, std::memcmp(q.data(), wanted_q.data(), k));
    EXPECT_EQ(0, std::memcmp(scale.data(), wanted_scale.data(), k / 32 * sizeof(float)));
    EXPECT_EQ(0, std::memcmp(sum.data(), wanted_sum.data(), k / 16 * sizeof(std::int32_t)));
    EXPECT_TRUE(q.untouched() && scale.untouched() && sum.untouched());
  }
}

TEST_P(ElementwiseTest, QuantizeTakesZerosAndTinyValues) {
  float x[64] = {};
  for (int i = 32; i < 64; ++i) x[i] = 1e-38F * static_cast<float>(i);
  std::int8_t q[64];
  float scale[2];
  std::int32_t sum[4];
  ASSERT_TRUE(kernels_.quantize(x, 64, q, scale, sum));
  for (const float s : scale) EXPECT_EQ(s, 0);
  for (const int v : q) EXPECT_EQ(v, 0);
}

TEST_P(ElementwiseTest, QuantizeRefusesWhatIsNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()}) {
    for (const std::size_t at : {0U, 31U, 37U, 95U}) {
      float x[96] = {};
      x[at] = bad;
      std::int8_t q[96];
      float scale[3];
      std::int32_t sum[6];
      EXPECT_FALSE(kernels_.quantize(x, 96, q, scale, sum)) << bad << " at " << at;
    }
  }
}

TEST_P(ElementwiseTest, RmsNormWithAndWithoutWeights) {
  for (const std::size_t k : {1U, 7U, 16U, 100U, 2816U}) {
    Poisoned<float> x(k), w(k), y(k);
    fill(x.span(), 1);
    fill(w.span(), 2);
    std::vector<float> wanted(k);
    for (const float* weights : {static_cast<const float*>(nullptr), static_cast<const float*>(w.data())}) {
      rms_norm_reference(x.data(), weights, 1e-6F, static_cast<std::int64_t>(k), wanted.data());
      kernels_.rms_norm(x.data(), weights, 1e-6F, static_cast<std::int64_t>(k), y.data());
      EXPECT_LE(nmse(y.span(), wanted), 1e-13);
      EXPECT_TRUE(y.untouched());
    }
    kernels_.rms_norm(x.data(), w.data(), 1e-6F, static_cast<std::int64_t>(k), x.data());
    EXPECT_EQ(0, std::memcmp(x.data(), y.data(), k * sizeof(float))) << "in place";
  }
}

TEST_P(ElementwiseTest, AddScaledAndScale) {
  for (const std::size_t k : {1U, 15U, 33U, 704U}) {
    Poisoned<float> x(k), y(k);
    fill(x.span(), 1);
    fill(y.span(), 2);
    std::vector<float> wanted(y.data(), y.data() + k);
    add_scaled_reference(x.data(), 0.3F, static_cast<std::int64_t>(k), wanted.data());
    kernels_.add_scaled(x.data(), 0.3F, static_cast<std::int64_t>(k), y.data());
    EXPECT_LE(nmse(y.span(), wanted), 1e-13);
    scale_reference(wanted.data(), 1.7F, static_cast<std::int64_t>(k));
    kernels_.scale(y.data(), 1.7F, static_cast<std::int64_t>(k));
    EXPECT_LE(nmse(y.span(), wanted), 1e-13);
    EXPECT_TRUE(y.untouched());
  }
}

TEST_P(ElementwiseTest, RopeTurnsPairs) {
  for (const std::size_t n_rot : {2U, 30U, 64U, 512U}) {
    Poisoned<float> head(n_rot), cosines(n_rot / 2), sines(n_rot / 2);
    fill(head.span(), 1);
    for (std::size_t i = 0; i < n_rot / 2; ++i) {
      cosines[i] = std::cos(static_cast<float>(i) * 0.7F);
      sines[i] = std::sin(static_cast<float>(i) * 0.7F);
    }
    std::vector<float> wanted(head.data(), head.data() + n_rot);
    rope_reference(wanted.data(), cosines.data(), sines.data(), static_cast<std::int64_t>(n_rot));
    kernels_.rope(head.data(), cosines.data(), sines.data(), static_cast<std::int64_t>(n_rot));
    EXPECT_LE(nmse(head.span(), wanted), 1e-13);
    EXPECT_TRUE(head.untouched());
  }
}

// Relative error per value, not on average: an error of one unit in the last place is 6e-8 to 1.2e-7.
TEST_P(ElementwiseTest, SoftcapKeepsEveryDigit) {
  std::vector<float> x;
  for (float v = 1e-6F; v < 500; v *= 1.001F) {
    x.push_back(v);
    x.push_back(-v);
  }
  x.push_back(0);
  std::vector<float> wanted = x;
  const auto k = static_cast<std::int64_t>(x.size());
  softcap_reference(wanted.data(), 30, k);
  kernels_.softcap(x.data(), 30, k);
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(x[i], wanted[i], 4e-7F * std::fabs(wanted[i])) << "to " << wanted[i];
  }
}

TEST_P(ElementwiseTest, GluOfEveryActivation) {
  for (const Activation activation : {Activation::gelu_tanh, Activation::silu, Activation::swiglu_oai}) {
    for (const std::size_t k : {1U, 15U, 33U, 704U}) {
      Poisoned<float> gate(k), up(k), y(k);
      fill(gate.span(), 1, 6);  // beyond the limits of swiglu_oai, too
      fill(up.span(), 2, 6);
      std::vector<float> wanted(k);
      glu_reference(gate.data(), up.data(), activation, static_cast<std::int64_t>(k), wanted.data());
      kernels_.glu(gate.data(), up.data(), activation, static_cast<std::int64_t>(k), y.data());
      EXPECT_LE(nmse(y.span(), wanted), 1e-12);
      kernels_.glu(gate.data(), up.data(), activation, static_cast<std::int64_t>(k), gate.data());
      EXPECT_EQ(0, std::memcmp(gate.data(), y.data(), k * sizeof(float))) << "in place";
      EXPECT_TRUE(gate.untouched() && up.untouched() && y.untouched());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, ElementwiseTest, testing::ValuesIn(isas_here()),
                         [](const auto& param) { return std::string(to_string(param.param)); });

TEST_P(ElementwiseTest, StreamReadAddsEveryWordOnce) {
  Poisoned<std::uint64_t> data(512);
  std::mt19937_64 random(1);
  std::uint64_t total = 0;
  for (std::uint64_t& word : data.span()) total += word = random();
  for (const std::size_t prefetch_bytes : {0, 2048, 16384})
    EXPECT_EQ(kernels_.stream_read(reinterpret_cast<const std::byte*>(data.data()), 4096, prefetch_bytes), total);
}

TEST_P(ElementwiseTest, StreamMoveStoresWhatItSays) {
  constexpr std::size_t kFloats = 256, kBehind = 16;
  struct alignas(64) Arrays {
    float to[kFloats + kBehind], a[kFloats], b[kFloats];
  } arrays;
  for (std::size_t i = 0; i < kFloats; ++i) {
    arrays.a[i] = static_cast<float>(i);
    arrays.b[i] = static_cast<float>(1000 * i + 1);
  }
  using enum StreamMove;
  for (const StreamMove move : {write, copy, triad, write_past, copy_past, triad_past}) {
    std::fill(std::begin(arrays.to), std::end(arrays.to), -7.0F);
    kernels_.stream_move(move, arrays.to, arrays.a, arrays.b, kFloats);
    for (std::size_t i = 0; i < kFloats + kBehind; ++i) {
      float wanted = -7;
      if (i < kFloats && (move == write || move == write_past)) wanted = 1;
      if (i < kFloats && (move == copy || move == copy_past)) wanted = arrays.a[i];
      if (i < kFloats && (move == triad || move == triad_past)) wanted = arrays.a[i] + 3 * arrays.b[i];
      ASSERT_EQ(arrays.to[i], wanted) << "move " << static_cast<int>(move) << " at " << i;
    }
  }
}

}  // namespace
}  // namespace oldiron::elementwise_test
