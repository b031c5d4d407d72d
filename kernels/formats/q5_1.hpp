// Q5_1: 32 weights, a half scale, a half offset, nibbles and a fifth bit apart.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron::formats {

/// w[j] = d * (nibble j + 16 * bit j of qh) + m; nibbles as in Q4_0.
struct BlockQ5_1 {
  std::uint16_t d, m;  ///< IEEE halves
  std::uint8_t qh[4];  ///< 32 bits, little-endian
  std::uint8_t qs[16];
};

static_assert(sizeof(BlockQ5_1) == 24);

void dequantise_q5_1(const std::byte* row, std::int64_t k, float* out);
double dot_q8_q5_1(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k);
void generate_q5_1(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row);

}  // namespace oldiron::formats
