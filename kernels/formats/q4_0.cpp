// Q4_0: 32 weights, a half scale and nibbles.
#include "kernels/formats/q4_0.hpp"

#include <cstring>

#include "kernels/formats/random.hpp"

namespace oldiron::formats {

namespace {

BlockQ4_0 block(const std::byte* row, std::int64_t b) {
  BlockQ4_0 out;
  std::memcpy(&out, row + b * std::int64_t{sizeof(out)}, sizeof(out));
  return out;
}

}  // namespace

void dequantise_q4_0(const std::byte* row, std::int64_t k, float* out) {
  for (std::int64_t b = 0; b < k / 32; ++b, out += 32) {
    const BlockQ4_0 in = block(row, b);
    const float d = half_to_float(in.d);
    for (int j = 0; j < 16; ++j) {
      out[j] = d * static_cast<float>((in.qs[j] & 15) - 8);
      out[j + 16] = d * static_cast<float>((in.qs[j] >> 4) - 8);
    }
  }
}

double dot_q8_q4_0(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k) {
  double sum = 0;
  for (std::int64_t b = 0; b < k / 32; ++b, q += 32) {
    const BlockQ4_0 in = block(row, b);
    int products = 0;
    for (int j = 0; j < 16; ++j) products += ((in.qs[j] & 15) - 8) * q[j] + ((in.qs[j] >> 4) - 8) * q[j + 16];
    sum += static_cast<double>(half_to_float(in.d)) * static_cast<double>(scale[b]) * products;
  }
  return sum;
}

void generate_q4_0(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  const auto scales = half_scales(deviation(k, amplitude) / uniform_rms(-8, 7));
  RandomStream random(key);
  std::uint64_t picks = 0;
  for (std::int64_t b = 0; b < k / 32; ++b, row += sizeof(BlockQ4_0), picks >>= 4) {
    if (b % 16 == 0) picks = random.next();
    const std::uint64_t words[2] = {random.next(), random.next()};
    std::memcpy(row, &scales[picks & 15], 2);
    std::memcpy(row + 2, words, 16);
  }
}

}  // namespace oldiron::formats
