// Formats against bytes, values and dots written by real engines, and the statistics of generated rows.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/formats/format.hpp"
#include "kernels/formats/q4_k.hpp"
#include "kernels/formats/random.hpp"
#include "kernels/formats/scales6.hpp"

namespace oldiron::formats_test {
namespace {

constexpr TensorType kFormats[] = {
#define FORMAT(id) TensorType::id,
#include "kernels/formats.def"
#undef FORMAT
};

struct Golden {
  std::int64_t k = 0;
  std::vector<std::vector<std::byte>> rows;
  std::vector<std::vector<float>> dequantised;
  std::vector<float> x;
  std::vector<double> dot;
};

Golden golden(TensorType type) {
  std::ifstream file(std::string(OLDIRON_TEST_DATA "/golden/quants/") + std::string(info(type).name) +
                     ".json");
  const auto json = nlohmann::json::parse(file);
  Golden out;
  out.k = json.at("cols");
  out.x = json.at("x").get<std::vector<float>>();
  out.dot = json.at("dot_exact").get<std::vector<double>>();
  out.dequantised = json.at("dequantized").get<std::vector<std::vector<float>>>();
  for (const std::string hex : json.at("bytes_hex")) {
    std::vector<std::byte> row;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      row.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    out.rows.push_back(row);
  }
  return out;
}

std::vector<float> dequantised(TensorType type, const std::vector<std::byte>& row, std::int64_t k) {
  std::vector<float> out(static_cast<std::size_t>(k));
  format(type)->dequantise(row.data(), k, out.data());
  return out;
}

std::vector<std::byte> generated(TensorType type, std::uint64_t key, std::int64_t k, float amplitude = 1) {
  std::vector<std::byte> row(static_cast<std::size_t>(row_bytes(type, k)));
  format(type)->generate(key, k, amplitude, row.data());
  return row;
}

TEST(Half, all_values_are_exact_both_ways) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const int exponent = half >> 10 & 31, mantissa = half & 1023;
    const float value = half_to_float(half);
    ASSERT_EQ(std::signbit(value), half >> 15 != 0) << bits;
    if (exponent == 31) {
      ASSERT_EQ(std::isnan(value), mantissa != 0) << bits;
      ASSERT_EQ(std::isinf(value), mantissa == 0) << bits;
    } else {
      const double expected =
          exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
      ASSERT_EQ(std::fabs(static_cast<double>(value)), expected) << bits;
    }
    const std::uint16_t quiet = exponent == 31 && mantissa != 0 ? half | 0x200 : half;
    ASSERT_EQ(float_to_half(value), quiet) << bits;
  }
}

TEST(Half, rounds_to_nearest_even_between_all_neighbours) {
  for (std::uint16_t half = 0; half < 0x7bff; ++half) {
    const double low = static_cast<double>(half_to_float(half));
    const double high = static_cast<double>(half_to_float(static_cast<std::uint16_t>(half + 1)));
    const auto middle = static_cast<float>((low + high) / 2);
    const auto even = static_cast<std::uint16_t>(half + half % 2);
    ASSERT_EQ(float_to_half(middle), even) << half;
    ASSERT_EQ(float_to_half(std::nextafter(middle, 0.0F)), half) << half;
    ASSERT_EQ(float_to_half(std::nextafter(middle, 1e9F)), half + 1) << half;
    ASSERT_EQ(float_to_half(-middle), even | 0x8000) << half;
  }
  EXPECT_EQ(float_to_half(65519.996F), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0F), 0x7c00);
  EXPECT_EQ(float_to_half(3e38F), 0x7c00);
  EXPECT_EQ(float_to_half(1e-30F), 0);
}

TEST(Formats, every_line_of_the_list_is_found_and_others_are_not) {
  for (const TensorType type : kFormats) {
    ASSERT_NE(format(type), nullptr);
    EXPECT_EQ(format(type)->type, type);
  }
  EXPECT_EQ(format(TensorType::iq4_xs), nullptr);
}

TEST(Formats, dequantised_values_are_those_of_the_engines_bit_for_bit) {
  for (const TensorType type : kFormats) {
    if (type == TensorType::f32) continue;  // is its own value
    const Golden want = golden(type);
    for (std::size_t r = 0; r < want.rows.size(); ++r) {
      const std::vector<float> got = dequantised(type, want.rows[r], want.k);
      ASSERT_EQ(got.size(), want.dequantised[r].size());
      for (std::size_t i = 0; i < got.size(); ++i)
        ASSERT_EQ(got[i], want.dequantised[r][i]) << info(type).name << ' ' << i;
    }
  }
}

TEST(Formats, dots_of_dequantised_values_are_those_of_the_engines) {
  for (const TensorType type : kFormats) {
    if (type == TensorType::f32) continue;
    const Golden want = golden(type);
    for (std::size_t r = 0; r < want.rows.size(); ++r) {
      const std::vector<float> w = dequantised(type, want.rows[r], want.k);
      double dot = 0, size = 0;
      for (std::size_t i = 0; i < w.size(); ++i) {
        dot += static_cast<double>(w[i]) * static_cast<double>(want.x[i]);
        size += std::fabs(static_cast<double>(w[i]) * static_cast<double>(want.x[i]));
      }
      EXPECT_NEAR(dot, want.dot[r], 1e-6 * size) << info(type).name;
    }
  }
}

/// Activations as the kernels quantise them, with every byte value and a scale of its own per 32.
void activations(std::int64_t k, std::vector<std::int8_t>& q, std::vector<float>& scale) {
  for (std::int64_t i = 0; i < k; ++i) q.push_back(static_cast<std::int8_t>(i * 97 % 255 - 127));
  for (std::int64_t b = 0; b < k / 32; ++b) scale.push_back(0.01F + 0.003F * static_cast<float>(b));
}

void expect_dot_of_dequantised(TensorType type, const std::vector<std::byte>& row, std::int64_t k) {
  std::vector<std::int8_t> q;
  std::vector<float> scale;
  activations(k, q, scale);
  const std::vector<float> w = dequantised(type, row, k);
  double dot = 0, size = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double product = static_cast<double>(w[i]) * q[i] * static_cast<double>(scale[i / 32]);
    dot += product;
    size += std::fabs(product);
  }
  EXPECT_NEAR(format(type)->dot_q8(row.data(), q.data(), scale.data(), k), dot, 3e-7 * size)
      << info(type).name;
}

TEST(Formats, integer_dots_agree_with_the_dequantised_values) {
  for (const TensorType type : kFormats) {
    expect_dot_of_dequantised(type, generated(type, 7, 512), 512);
    if (type == TensorType::f32) continue;
    for (const auto& row : golden(type).rows) expect_dot_of_dequantised(type, row, 512);
  }
}

TEST(Formats, extreme_bytes_in_every_field_of_a_quantised_block) {
  const std::uint16_t one = 0x3c00;
  for (const TensorType type : kFormats) {
    if (info(type).block == 1) continue;
    for (const int extreme : {0x80, 0x7f, 0xff, 0x00}) {
      std::vector<std::byte> row(static_cast<std::size_t>(row_bytes(type, 512)),
                                 static_cast<std::byte>(extreme));
      const std::size_t bytes = static_cast<std::size_t>(info(type).block_bytes);
      for (std::size_t b = 0; b < row.size(); b += bytes) {  // the half scales must stay finite
        std::memcpy(&row[b + (type == TensorType::q6_k ? 208 : 0)], &one, 2);
        const bool two = type == TensorType::q4_k || type == TensorType::q5_k || type == TensorType::q4_1 ||
                         type == TensorType::q5_1;
        if (two) std::memcpy(&row[b + 2], &one, 2);
      }
      expect_dot_of_dequantised(type, row, 512);
    }
  }
}

TEST(Formats, six_bit_scales_survive_packing) {
  formats::Scales6 in;
  for (std::uint8_t g = 0; g < 8; ++g) {
    in.scale[g] = static_cast<std::uint8_t>(63 - 7 * g);
    in.minimum[g] = static_cast<std::uint8_t>(9 * g);
  }
  std::uint8_t bytes[12];
  formats::pack_scales6(in, bytes);
  const formats::Scales6 out = formats::unpack_scales6(bytes);
  EXPECT_EQ(out.scale, in.scale);
  EXPECT_EQ(out.minimum, in.minimum);
}

TEST(Generate, rows_have_the_asked_deviation_and_no_mean) {
  for (const TensorType type : kFormats) {
    for (const float amplitude : {1.0F, 3.0F}) {
      double sum = 0, squares = 0;
      constexpr std::int64_t k = 2816;
      constexpr int rows = 64;
      for (std::uint64_t key = 0; key < rows; ++key) {
        for (const float w : dequantised(type, generated(type, key << 32, k, amplitude), k)) {
          sum += static_cast<double>(w);
          squares += static_cast<double>(w) * static_cast<double>(w);
        }
      }
      const double n = rows * static_cast<double>(k),
                   deviation = static_cast<double>(amplitude) / std::sqrt(k);
      EXPECT_NEAR(std::sqrt(squares / n) / deviation, 1, 0.02) << info(type).name;
      EXPECT_LT(std::fabs(sum / n), 5 * deviation / std::sqrt(n)) << info(type).name;
    }
  }
}

/// Sums of a block's weights: with scales of one sign and unsigned fields they would all point the same way.
TEST(Generate, block_sums_take_both_signs_evenly) {
  for (const TensorType type : kFormats) {
    constexpr std::int64_t k = 256 * 40;
    const std::int64_t block = std::max<std::int64_t>(info(type).block, 32);
    int positive = 0, blocks = 0;
    for (std::uint64_t key = 0; key < 4; ++key) {
      const std::vector<float> w = dequantised(type, generated(type, key << 32, k), k);
      for (std::int64_t b = 0; b < k; b += block, ++blocks) {
        double sum = 0;
        for (std::int64_t i = b; i < b + block; ++i)
          sum += static_cast<double>(w[static_cast<std::size_t>(i)]);
        positive += static_cast<int>(sum > 0);
      }
    }
    EXPECT_NEAR(positive, 0.5 * blocks, 2.5 * std::sqrt(blocks)) << info(type).name;
  }
}

/// Amplitudes that give normal halves, subnormal ones down to zero, and values beyond the largest half.
TEST(Generate, f16_rows_are_random_integers_rounded_as_by_float_to_half) {
  constexpr std::int64_t k = 1021;
  for (const float amplitude : {1.0F, 1e-3F, 1e-5F, 3e6F}) {
    const std::vector<std::byte> row = generated(TensorType::f16, 77, k, amplitude);
    const auto unit = static_cast<float>(formats::deviation(k, amplitude) * std::sqrt(3.0) * 0x1p-15);
    formats::RandomStream random(77);
    std::uint64_t word = 0;
    for (std::int64_t i = 0; i < k; ++i, word >>= 16) {
      if (i % 4 == 0) word = random.next();
      std::uint16_t half = 0;
      std::memcpy(&half, row.data() + 2 * i, 2);
      ASSERT_EQ(half, float_to_half(static_cast<float>(static_cast<std::int16_t>(word)) * unit))
          << amplitude << ' ' << i;
    }
  }
}

TEST(Generate, half_the_block_scales_are_negative) {
  for (const TensorType type : {TensorType::q8_0, TensorType::q4_0, TensorType::q4_1, TensorType::q5_0, TensorType::q5_1, TensorType::q4_k,
                                TensorType::q5_k, TensorType::q6_k}) {
    const std::int64_t k = 400 * info(type).block, bytes = info(type).block_bytes;
    const std::vector<std::byte> row = generated(type, 5, k);
    const std::int64_t sign_byte = type == TensorType::q6_k ? 209 : 1;
    int negative = 0;
    for (std::int64_t b = 0; b < 400; ++b) {
      negative += static_cast<int>((row[static_cast<std::size_t>(b * bytes + sign_byte)] & std::byte{0x80}) !=
                                   std::byte{0});
    }
    EXPECT_NEAR(negative, 200, 50) << info(type).name;
  }
}

TEST(Generate, rows_of_different_keys_are_uncorrelated) {
  for (const TensorType type : kFormats) {
    constexpr std::int64_t k = 2816;
    const std::vector<float> a = dequantised(type, generated(type, 1, k), k);
    const std::vector<float> b = dequantised(type, generated(type, 0x123456789abcdef, k), k);
    double dot = 0;
    for (std::size_t i = 0; i < a.size(); ++i) dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    EXPECT_LT(std::fabs(dot), 5 / std::sqrt(k)) << info(type).name;  // both have a norm of 1
  }
}

}  // namespace
}  // namespace oldiron::formats_test
