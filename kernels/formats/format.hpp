// A GGUF format as plain C++: the definition that every fast kernel is tested against.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/tensor_type.hpp"

namespace oldiron {

struct Format {
  TensorType type;
  /// Dequantises k weights of one plain row; k is a multiple of the block. Bit-identical to the engines' own.
  void (*dequantise)(const std::byte* row, std::int64_t k, float* out);
  /// Exact dot of a plain row with int8 activations (d per 32, see ops/quantize.hpp), accumulated in double.
  double (*dot_q8)(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k);
  /// Writes one plain row of random weights of mean 0 and standard deviation amplitude / sqrt(k); key: counter-based.
  void (*generate)(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row);
};

/// nullptr if the type is only accounted for.
const Format* format(TensorType type);

/// IEEE half to float, exact; and back, rounded to nearest even.
float half_to_float(std::uint16_t half);
std::uint16_t float_to_half(float value);

/// Float to BF16, rounded to nearest even; a NaN stays one, made quiet.
std::uint16_t float_to_bf16(float value);

}  // namespace oldiron
