// F16: IEEE halves.
#include "kernels/formats/f16.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/formats/random.hpp"

namespace oldiron::formats {

namespace {

float weight(const std::byte* row, std::int64_t i) {
  std::uint16_t half = 0;
  std::memcpy(&half, row + i * 2, 2);
  return half_to_float(half);
}

}  // namespace

void dequantise_f16(const std::byte* row, std::int64_t k, float* out) {
  for (std::int64_t i = 0; i < k; ++i) out[i] = weight(row, i);
}

double dot_q8_f16(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k) {
  double sum = 0;
  for (std::int64_t i = 0; i < k; ++i) {
    sum += static_cast<double>(weight(row, i)) * q[i] * static_cast<double>(scale[i / 32]);
  }
  return sum;
}

void generate_f16(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  // Uniform in +-sqrt(3) deviations: four signed 16-bit integers per random word.
  const auto unit = static_cast<float>(deviation(k, amplitude) * std::sqrt(3.0) * 0x1p-15);
  RandomStream random(key);
  for (std::int64_t i = 0; i < k; i += 4) {
    const std::uint64_t word = random.next();
    std::uint16_t halves[4];
    for (int j = 0; j < 4; ++j) {
      halves[j] = float_to_half(static_cast<float>(static_cast<std::int16_t>(word >> 16 * j)) * unit);
    }
    std::memcpy(row + i * 2, halves, static_cast<std::size_t>(std::min<std::int64_t>(4, k - i)) * 2);
  }
}

}  // namespace oldiron::formats
