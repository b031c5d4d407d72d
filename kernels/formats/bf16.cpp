// BF16: the upper half of a float.
#include "kernels/formats/bf16.hpp"

#include <bit>
#include <cstring>

#include "kernels/formats/random.hpp"

namespace oldiron::formats {

namespace {

float weight(const std::byte* row, std::int64_t i) {
  std::uint16_t upper = 0;
  std::memcpy(&upper, row + i * 2, 2);
  return std::bit_cast<float>(static_cast<std::uint32_t>(upper) << 16);
}

}  // namespace

void dequantise_bf16(const std::byte* row, std::int64_t k, float* out) {
  for (std::int64_t i = 0; i < k; ++i) out[i] = weight(row, i);
}

double dot_q8_bf16(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k) {
  double sum = 0;
  for (std::int64_t i = 0; i < k; ++i) {
    sum += static_cast<double>(weight(row, i)) * q[i] * static_cast<double>(scale[i / 32]);
  }
  return sum;
}

void generate_bf16(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  // Uniform in +-sqrt(3) deviations; cutting off the lower half of the float is symmetric, so the mean stays
  // 0.
  const auto unit = static_cast<float>(deviation(k, amplitude) * std::sqrt(3.0) * 0x1p-31);
  RandomStream random(key);
  for (std::int64_t i = 0; i < k; i += 2) {
    const std::uint64_t word = random.next();
    std::uint16_t pair[2];
    for (int j = 0; j < 2; ++j) {
      const float value = static_cast<float>(static_cast<std::int32_t>(word >> 32 * j)) * unit;
      pair[j] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
    }
    std::memcpy(row + i * 2, pair, i + 1 < k ? 4 : 2);
  }
}

}  // namespace oldiron::formats
