// Q5_K: Q4_K with a fifth bit apart.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron::formats {

/// w = d * S * (nibble + 16 * bit g of qh[l]) - dmin * M; l-th weight of group g, nibbles as in Q4_K.
struct BlockQ5_K {
  std::uint16_t d;          ///< IEEE half
  std::uint16_t dmin;       ///< IEEE half
  std::uint8_t scales[12];  ///< eight S and eight M of 6 bits, see kernels/formats/scales6.hpp
  std::uint8_t qh[32];
  std::uint8_t qs[128];
};

static_assert(sizeof(BlockQ5_K) == 176);

void dequantise_q5_k(const std::byte* row, std::int64_t k, float* out);
double dot_q8_q5_k(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k);
void generate_q5_k(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row);

}  // namespace oldiron::formats
