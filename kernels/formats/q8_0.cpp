// Q8_0: 32 weights, a half scale and signed bytes.
#include "kernels/formats/q8_0.hpp"

#include <cstring>

#include "kernels/formats/random.hpp"

namespace oldiron::formats {

namespace {

BlockQ8_0 block(const std::byte* row, std::int64_t b) {
  BlockQ8_0 out;
  std::memcpy(&out, row + b * std::int64_t{sizeof(out)}, sizeof(out));
  return out;
}

}  // namespace

void dequantise_q8_0(const std::byte* row, std::int64_t k, float* out) {
  for (std::int64_t b = 0; b < k / 32; ++b, out += 32) {
    const BlockQ8_0 in = block(row, b);
    const float d = half_to_float(in.d);
    for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(in.qs[j]);
  }
}

double dot_q8_q8_0(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k) {
  double sum = 0;
  for (std::int64_t b = 0; b < k / 32; ++b, q += 32) {
    const BlockQ8_0 in = block(row, b);
    int products = 0;
    for (int j = 0; j < 32; ++j) products += in.qs[j] * q[j];
    sum += static_cast<double>(half_to_float(in.d)) * static_cast<double>(scale[b]) * products;
  }
  return sum;
}

void generate_q8_0(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  // Odd bytes only: symmetric about 0, and never -128, which no quantiser writes. Their mean square is (4 *
  // 64^2 - 1) / 3.
  const auto scales = half_scales(deviation(k, amplitude) / std::sqrt((4.0 * 64 * 64 - 1) / 3));
  RandomStream random(key);
  std::uint64_t picks = 0;
  for (std::int64_t b = 0; b < k / 32; ++b, row += sizeof(BlockQ8_0), picks >>= 4) {
    if (b % 16 == 0) picks = random.next();
    std::memcpy(row, &scales[picks & 15], 2);
    for (int j = 0; j < 4; ++j) {
      const std::uint64_t word = random.next() | 0x0101010101010101;
      std::memcpy(row + 2 + 8 * j, &word, 8);
    }
  }
}

}  // namespace oldiron::formats
