// F32: plain floats.
#include "kernels/formats/f32.hpp"

#include <cstring>

#include "kernels/formats/random.hpp"

namespace oldiron::formats {

void dequantise_f32(const std::byte* row, std::int64_t k, float* out) {
  std::memcpy(out, row, static_cast<std::size_t>(k) * sizeof(float));
}

double dot_q8_f32(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k) {
  double sum = 0;
  for (std::int64_t i = 0; i < k; ++i) {
    float w = 0;
    std::memcpy(&w, row + i * 4, 4);
    sum += static_cast<double>(w) * q[i] * static_cast<double>(scale[i / 32]);
  }
  return sum;
}

void generate_f32(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  // Uniform in +-sqrt(3) deviations, from the 32 bits of a signed integer.
  const auto unit = static_cast<float>(deviation(k, amplitude) * std::sqrt(3.0) * 0x1p-31);
  RandomStream random(key);
  for (std::int64_t i = 0; i < k; i += 2) {
    const std::uint64_t word = random.next();
    const float pair[2] = {static_cast<float>(static_cast<std::int32_t>(word)) * unit,
                           static_cast<float>(static_cast<std::int32_t>(word >> 32)) * unit};
    std::memcpy(row + i * 4, pair, i + 1 < k ? 8 : 4);
  }
}

}  // namespace oldiron::formats
