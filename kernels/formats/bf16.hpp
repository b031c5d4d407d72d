// BF16: the upper half of a float.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron::formats {

void dequantise_bf16(const std::byte* row, std::int64_t k, float* out);
double dot_q8_bf16(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k);
void generate_bf16(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row);

}  // namespace oldiron::formats
