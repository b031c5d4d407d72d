// Q4_1: 32 weights, a half scale, a half offset, and nibbles.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron::formats {

/// w[j] = d * nibble j + m; nibbles as in Q4_0.
struct BlockQ4_1 {
  std::uint16_t d, m;  ///< IEEE halves
  std::uint8_t qs[16];
};

static_assert(sizeof(BlockQ4_1) == 20);

void dequantise_q4_1(const std::byte* row, std::int64_t k, float* out);
double dot_q8_q4_1(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k);
void generate_q4_1(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row);

}  // namespace oldiron::formats
