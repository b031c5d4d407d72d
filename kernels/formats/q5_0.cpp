// Q5_0: 32 weights, a half scale, nibbles and a fifth bit apart.
#include "kernels/formats/q5_0.hpp"

#include <cstring>

#include "kernels/formats/random.hpp"

namespace oldiron::formats {

namespace {

BlockQ5_0 block(const std::byte* row, std::int64_t b) {
  BlockQ5_0 out;
  std::memcpy(&out, row + b * std::int64_t{sizeof(out)}, sizeof(out));
  return out;
}

int field(const BlockQ5_0& in, int j) {
  const int nibble = j < 16 ? in.qs[j] & 15 : in.qs[j - 16] >> 4;
  return nibble + 16 * (in.qh[j / 8] >> j % 8 & 1) - 16;
}

}  // namespace

void dequantise_q5_0(const std::byte* row, std::int64_t k, float* out) {
  for (std::int64_t b = 0; b < k / 32; ++b, out += 32) {
    const BlockQ5_0 in = block(row, b);
    const float d = half_to_float(in.d);
    for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(field(in, j));
  }
}

double dot_q8_q5_0(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k) {
  double sum = 0;
  for (std::int64_t b = 0; b < k / 32; ++b, q += 32) {
    const BlockQ5_0 in = block(row, b);
    int products = 0;
    for (int j = 0; j < 32; ++j) products += field(in, j) * q[j];
    sum += static_cast<double>(half_to_float(in.d)) * static_cast<double>(scale[b]) * products;
  }
  return sum;
}

void generate_q5_0(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  const auto scales = half_scales(deviation(k, amplitude) / uniform_rms(-16, 15));
  RandomStream random(key);
  for (std::int64_t b = 0; b < k / 32; ++b, row += sizeof(BlockQ5_0)) {
    const std::uint64_t words[2] = {random.next(), random.next()};
    const std::uint64_t more = random.next();
    std::memcpy(row, &scales[more >> 60], 2);
    std::memcpy(row + 2, &more, 4);
    std::memcpy(row + 6, words, 16);
  }
}

}  // namespace oldiron::formats
