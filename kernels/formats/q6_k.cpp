// Q6_K: 256 weights of 6 bits with a signed byte scale per 16.
#include "kernels/formats/q6_k.hpp"

#include <cstring>

#include "kernels/formats/random.hpp"

namespace oldiron::formats {

namespace {

BlockQ6_K block(const std::byte* row, std::int64_t b) {
  BlockQ6_K out;
  std::memcpy(&out, row + b * std::int64_t{sizeof(out)}, sizeof(out));
  return out;
}

int field(const BlockQ6_K& in, int i) {
  const int half = i / 128, t = i / 32 % 4, l = i % 32;
  const int low4 = in.ql[64 * half + 32 * (t % 2) + l] >> 4 * (t / 2) & 15;
  const int high2 = in.qh[32 * half + l] >> 2 * t & 3;
  return low4 + 16 * high2 - 32;
}

}  // namespace

void dequantise_q6_k(const std::byte* row, std::int64_t k, float* out) {
  for (std::int64_t b = 0; b < k / 256; ++b, out += 256) {
    const BlockQ6_K in = block(row, b);
    const float d = half_to_float(in.d);
    for (int s = 0; s < 16; ++s) {
      const float d16 = d * static_cast<float>(in.scales[s]);
      for (int i = 16 * s; i < 16 * s + 16; ++i) out[i] = d16 * static_cast<float>(field(in, i));
    }
  }
}

double dot_q8_q6_k(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k) {
  double sum = 0;
  for (std::int64_t b = 0; b < k / 256; ++b, q += 256, scale += 8) {
    const BlockQ6_K in = block(row, b);
    for (int s = 0; s < 16; ++s) {
      int products = 0;
      for (int i = 16 * s; i < 16 * s + 16; ++i) products += field(in, i) * q[i];
      sum += static_cast<double>(half_to_float(in.d)) * in.scales[s] * static_cast<double>(scale[s / 2]) *
             products;
    }
  }
  return sum;
}

void generate_q6_k(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  // Scales of 12..19 with random sign: small enough that d is a normal half for rows of up to 2048 weights.
  const auto scales = half_scales(deviation(k, amplitude) / (uniform_rms(-32, 31) * uniform_rms(12, 19)));
  RandomStream random(key);
  for (std::int64_t b = 0; b < k / 256; ++b, row += sizeof(BlockQ6_K)) {
    BlockQ6_K out;
    for (int j = 0; j < 24; ++j) {
      const std::uint64_t word = random.next();
      std::memcpy(j < 16 ? out.ql + 8 * j : out.qh + 8 * (j - 16), &word, 8);
    }
    std::uint64_t bits = random.next();
    for (int s = 0; s < 16; ++s, bits >>= 4) {
      const int size = 12 + static_cast<int>(bits & 7);
      out.scales[s] = static_cast<std::int8_t>((bits & 8) != 0 ? -size : size);
    }
    out.d = scales[random.next() >> 60];
    std::memcpy(row, &out, sizeof(out));
  }
}

}  // namespace oldiron::formats
