#include "kernels/quantised.hpp"

namespace oldiron {

void Quantised::resize(std::int64_t n, std::int64_t columns_k) {
  k = columns_k;
  q.resize(static_cast<std::size_t>(n * k));
  scale.resize(static_cast<std::size_t>(n * ((k + 31) / 32)));
  sum.resize(static_cast<std::size_t>(n * ((k + 15) / 16)));
}

bool Quantised::set(QuantizeFn quantize, std::int64_t column, const float* x) {
  return quantize(x, k, q.data() + column * k, scale.data() + column * (k / 32), sum.data() + column * (k / 16));
}

Activations Quantised::view(const float* f32, std::int64_t f32_stride) const {
  return {.f32 = f32, .q = q.data(), .scale = scale.data(), .sum = sum.data(), .f32_stride = f32_stride,
          .q_stride = k, .scale_stride = k / 32, .sum_stride = k / 16};
}

}  // namespace oldiron
