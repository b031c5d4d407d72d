// Q8_0: 32 weights, a half scale and signed bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron::formats {

/// w[j] = d * qs[j].
struct BlockQ8_0 {
  std::uint16_t d;  ///< IEEE half
  std::int8_t qs[32];
};

static_assert(sizeof(BlockQ8_0) == 34);

void dequantise_q8_0(const std::byte* row, std::int64_t k, float* out);
double dot_q8_q8_0(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k);
void generate_q8_0(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row);

}  // namespace oldiron::formats
