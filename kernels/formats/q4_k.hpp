// Q4_K: 256 weights, nibbles with a 6-bit scale and minimum per 32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron::formats {

/// w = d * S * nibble - dmin * M; group g of 32 takes the low (g even) or high (g odd) nibbles of qs[32 * (g
/// / 2) ..].
struct BlockQ4_K {
  std::uint16_t d;          ///< IEEE half
  std::uint16_t dmin;       ///< IEEE half
  std::uint8_t scales[12];  ///< eight S and eight M of 6 bits, see kernels/formats/scales6.hpp
  std::uint8_t qs[128];
};

static_assert(sizeof(BlockQ4_K) == 144);

void dequantise_q4_k(const std::byte* row, std::int64_t k, float* out);
double dot_q8_q4_k(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k);
void generate_q4_k(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row);

}  // namespace oldiron::formats
