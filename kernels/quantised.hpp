// Activations of several columns as int8, as products of quantised weights read them.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/ops/elementwise.hpp"
#include "kernels/ops/matmul.hpp"

namespace oldiron {

/// int8 activations of n columns of k values.
struct Quantised {
  std::int64_t k = 0;
  std::vector<std::int8_t> q;
  std::vector<float> scale;
  std::vector<std::int32_t> sum;

  void resize(std::int64_t n, std::int64_t columns_k);
  bool set(QuantizeFn quantize, std::int64_t column, const float* x);

  /// The columns as kernels take them, beside their F32 originals.
  Activations view(const float* f32, std::int64_t f32_stride) const;
};

}  // namespace oldiron
