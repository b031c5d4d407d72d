// Q6_K: 256 weights of 6 bits with a signed byte scale per 16.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron::formats {

/// w[i] = d * scales[i / 16] * (low4 + 16 * high2 - 32). Of i = 128 h + 32 t + l, low4 is in ql[64 h + 32 (t
/// % 2) + l] (low nibble for t < 2) and high2 in bits 2t of qh[32 h + l].
struct BlockQ6_K {
  std::uint8_t ql[128];
  std::uint8_t qh[64];
  std::int8_t scales[16];
  std::uint16_t d;  ///< IEEE half
};

static_assert(sizeof(BlockQ6_K) == 210);

void dequantise_q6_k(const std::byte* row, std::int64_t k, float* out);
double dot_q8_q6_k(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k);
void generate_q6_k(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row);

}  // namespace oldiron::formats
