// Q4_0: 32 weights, a half scale and nibbles.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron::formats {

/// w[j] = d * (low nibble of qs[j] - 8), w[j + 16] = d * (high nibble of qs[j] - 8).
struct BlockQ4_0 {
  std::uint16_t d;  ///< IEEE half
  std::uint8_t qs[16];
};

static_assert(sizeof(BlockQ4_0) == 18);

void dequantise_q4_0(const std::byte* row, std::int64_t k, float* out);
double dot_q8_q4_0(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k);
void generate_q4_0(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row);

}  // namespace oldiron::formats
