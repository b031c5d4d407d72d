// Q4_1: 32 weights, a half scale, a half offset, and nibbles.
#include "kernels/formats/q4_1.hpp"

#include <cstring>

#include "kernels/formats/random.hpp"

namespace oldiron::formats {

namespace {

BlockQ4_1 block(const std::byte* row, std::int64_t b) {
  BlockQ4_1 out;
  std::memcpy(&out, row + b * std::int64_t{sizeof(out)}, sizeof(out));
  return out;
}

int field(const BlockQ4_1& in, int j) { return j < 16 ? in.qs[j] & 15 : in.qs[j - 16] >> 4; }

}  // namespace

void dequantise_q4_1(const std::byte* row, std::int64_t k, float* out) {
  for (std::int64_t b = 0; b < k / 32; ++b, out += 32) {
    const BlockQ4_1 in = block(row, b);
    const float d = half_to_float(in.d), m = half_to_float(in.m);
    for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(field(in, j)) + m;
  }
}

double dot_q8_q4_1(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k) {
  double sum = 0;
  for (std::int64_t b = 0; b < k / 32; ++b, q += 32) {
    const BlockQ4_1 in = block(row, b);
    int products = 0, total = 0;
    for (int j = 0; j < 32; ++j) {
      products += field(in, j) * q[j];
      total += q[j];
    }
    sum += static_cast<double>(scale[b]) * (static_cast<double>(half_to_float(in.d)) * products +
                                            static_cast<double>(half_to_float(in.m)) * total);
  }
  return sum;
}

void generate_q4_1(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  // m = -7.5 d centres the fields.
  const double rms = deviation(k, amplitude) / std::sqrt((16.0 * 16 - 1) / 12);
  const auto scales = half_scales(rms), offsets = half_scales(7.5 * rms);
  RandomStream random(key);
  for (std::int64_t b = 0; b < k / 32; ++b, row += sizeof(BlockQ4_1)) {
    const std::uint64_t words[2] = {random.next(), random.next()};
    const std::uint64_t more = random.next();
    BlockQ4_1 out;
    out.d = scales[more >> 60];
    out.m = static_cast<std::uint16_t>(offsets[more >> 60] ^ 0x8000);
    std::memcpy(out.qs, words, sizeof out.qs);
    std::memcpy(row, &out, sizeof out);
  }
}

}  // namespace oldiron::formats
