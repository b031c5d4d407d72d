// MXFP4: 32 weights, a power of two, and nibbles that are floats of four bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron::formats {

/// w[j] = 2^(e - 128) * kTwiceE2M1[nibble j]; nibbles as in Q4_0.
struct BlockMXFP4 {
  std::uint8_t e;
  std::uint8_t qs[16];
};

static_assert(sizeof(BlockMXFP4) == 17);

/// The values of a sign, two bits of exponent and one of mantissa, doubled to be integers.
inline constexpr std::int8_t kTwiceE2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

void dequantise_mxfp4(const std::byte* row, std::int64_t k, float* out);
double dot_q8_mxfp4(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k);
void generate_mxfp4(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row);

}  // namespace oldiron::formats
