// Q4_K: 256 weights, nibbles with a 6-bit scale and minimum per 32.
#include "kernels/formats/q4_k.hpp"

#include <cstring>

#include "kernels/formats/random.hpp"
#include "kernels/formats/scales6.hpp"

namespace oldiron::formats {

namespace {

BlockQ4_K block(const std::byte* row, std::int64_t b) {
  BlockQ4_K out;
  std::memcpy(&out, row + b * std::int64_t{sizeof(out)}, sizeof(out));
  return out;
}

int field(const BlockQ4_K& in, std::size_t group, std::size_t l) {
  return in.qs[32 * (group / 2) + l] >> 4 * (group % 2) & 15;
}

}  // namespace

void dequantise_q4_k(const std::byte* row, std::int64_t k, float* out) {
  for (std::int64_t b = 0; b < k / 256; ++b) {
    const BlockQ4_K in = block(row, b);
    const Scales6 scales = unpack_scales6(in.scales);
    for (std::size_t g = 0; g < 8; ++g, out += 32) {
      const float d = half_to_float(in.d) * static_cast<float>(scales.scale[g]);
      const float minimum = half_to_float(in.dmin) * static_cast<float>(scales.minimum[g]);
      for (std::size_t l = 0; l < 32; ++l) out[l] = d * static_cast<float>(field(in, g, l)) - minimum;
    }
  }
}

double dot_q8_q4_k(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k) {
  double sum = 0;
  for (std::int64_t b = 0; b < k / 256; ++b) {
    const BlockQ4_K in = block(row, b);
    const Scales6 scales = unpack_scales6(in.scales);
    for (std::size_t g = 0; g < 8; ++g, q += 32, ++scale) {
      int products = 0, total = 0;
      for (std::size_t l = 0; l < 32; ++l) {
        products += field(in, g, l) * q[l];
        total += q[l];
      }
      sum += static_cast<double>(*scale) *
             (static_cast<double>(half_to_float(in.d)) * scales.scale[g] * products -
              static_cast<double>(half_to_float(in.dmin)) * scales.minimum[g] * total);
    }
  }
  return sum;
}

void generate_q4_k(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  // dmin = 7.5 d with the same sign centres the nibbles.
  const double rms = deviation(k, amplitude) / (kRandomScale6Rms * std::sqrt((16.0 * 16 - 1) / 12));
  const auto scales = half_scales(rms), minima = half_scales(7.5 * rms);
  RandomStream random(key);
  for (std::int64_t b = 0; b < k / 256; ++b, row += sizeof(BlockQ4_K)) {
    const std::uint64_t bits = random.next();
    BlockQ4_K out;
    out.d = scales[bits >> 60];
    out.dmin = minima[bits >> 60];
    pack_scales6(random_scales6(bits), out.scales);
    for (int j = 0; j < 16; ++j) {
      const std::uint64_t word = random.next();
      std::memcpy(out.qs + 8 * j, &word, 8);
    }
    std::memcpy(row, &out, sizeof(out));
  }
}

}  // namespace oldiron::formats
