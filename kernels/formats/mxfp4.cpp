// MXFP4: 32 weights, a power of two, and nibbles that are floats of four bits.
#include "kernels/formats/mxfp4.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/formats/random.hpp"

namespace oldiron::formats {

namespace {

BlockMXFP4 block(const std::byte* row, std::int64_t b) {
  BlockMXFP4 out;
  std::memcpy(&out, row + b * std::int64_t{sizeof(out)}, sizeof(out));
  return out;
}

int field(const BlockMXFP4& in, int j) { return kTwiceE2M1[j < 16 ? in.qs[j] & 15 : in.qs[j - 16] >> 4]; }

}  // namespace

void dequantise_mxfp4(const std::byte* row, std::int64_t k, float* out) {
  for (std::int64_t b = 0; b < k / 32; ++b, out += 32) {
    const BlockMXFP4 in = block(row, b);
    const float d = std::ldexp(1.0F, in.e - 128);
    for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(field(in, j));
  }
}

double dot_q8_mxfp4(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k) {
  double sum = 0;
  for (std::int64_t b = 0; b < k / 32; ++b, q += 32) {
    const BlockMXFP4 in = block(row, b);
    int products = 0;
    for (int j = 0; j < 32; ++j) products += field(in, j) * q[j];
    sum += std::ldexp(static_cast<double>(scale[b]), in.e - 128) * products;
  }
  return sum;
}

void generate_mxfp4(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  double squares = 0;
  for (const int value : kTwiceE2M1) squares += value * value / 16.0;
  // Scales of 2^n and, so that the deviation comes out, as many of 2^(n + 1) as it takes.
  const double rms = deviation(k, amplitude) / std::sqrt(squares);
  const int low = static_cast<int>(std::floor(std::log2(rms)));
  const double larger = (std::ldexp(rms, -low) * std::ldexp(rms, -low) - 1) / 3;
  const auto threshold = static_cast<std::uint32_t>(larger * 0x1p32);
  RandomStream random(key);
  for (std::int64_t b = 0; b < k / 32; ++b, row += sizeof(BlockMXFP4)) {
    const std::uint64_t words[2] = {random.next(), random.next()};
    const int e = low + 128 + (static_cast<std::uint32_t>(random.next() >> 32) < threshold ? 1 : 0);
    BlockMXFP4 out;
    out.e = static_cast<std::uint8_t>(std::clamp(e, 0, 254));
    std::memcpy(out.qs, words, sizeof out.qs);
    std::memcpy(row, &out, sizeof out);
  }
}

}  // namespace oldiron::formats
