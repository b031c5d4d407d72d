// The obvious versions of what happens between the products.
#include "kernels/ops/elementwise.hpp"

#include <algorithm>
#include <cmath>

namespace oldiron {

// Float operations exactly as the fast ones do them: the bytes must agree.
bool quantize_reference(const float* x, std::int64_t k, std::int8_t* q, float* scale, std::int32_t* sum) {
  for (std::int64_t block = 0; block < k / 32; ++block) {
    const float* values = x + 32 * block;
    float top = 0;
    for (int i = 0; i < 32; ++i) {
      if (!std::isfinite(values[i])) return false;
      top = std::max(top, std::fabs(values[i]));
    }
    float d = top / 127.0F;
    const bool tiny = d < kSmallestScale;
    if (tiny) d = 0;
    const float inverse = tiny ? 0.0F : 1.0F / d;
    scale[block] = d;
    sum[2 * block] = sum[2 * block + 1] = 0;
    for (int i = 0; i < 32; ++i) {
      q[32 * block + i] = static_cast<std::int8_t>(std::nearbyint(values[i] * inverse));
      sum[2 * block + i / 16] += q[32 * block + i];
    }
  }
  return true;
}

void rms_norm_reference(const float* x, const float* w, float eps, std::int64_t k, float* y) {
  double squares = 0;
  for (std::int64_t i = 0; i < k; ++i) squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  const double factor = 1 / std::sqrt(squares / static_cast<double>(k) + static_cast<double>(eps));
  for (std::int64_t i = 0; i < k; ++i) {
    y[i] = static_cast<float>(static_cast<double>(x[i]) * factor *
                              (w == nullptr ? 1 : static_cast<double>(w[i])));
  }
}

void add_scaled_reference(const float* x, float scale, std::int64_t k, float* y) {
  for (std::int64_t i = 0; i < k; ++i) {
    y[i] = static_cast<float>(static_cast<double>(y[i]) +
                              static_cast<double>(x[i]) * static_cast<double>(scale));
  }
}

void scale_reference(float* x, float scale, std::int64_t k) {
  for (std::int64_t i = 0; i < k; ++i) x[i] *= scale;
}

void rope_reference(float* head, const float* cos, const float* sin, std::int64_t n_rot) {
  for (std::int64_t i = 0; i < n_rot / 2; ++i) {
    const double a = static_cast<double>(head[i]);
    const double b = static_cast<double>(head[i + n_rot / 2]);
    const double c = static_cast<double>(cos[i]);
    const double s = static_cast<double>(sin[i]);
    head[i] = static_cast<float>(a * c - b * s);
    head[i + n_rot / 2] = static_cast<float>(a * s + b * c);
  }
}

void softcap_reference(float* x, float cap, std::int64_t k) {
  const double limit = static_cast<double>(cap);
  for (std::int64_t i = 0; i < k; ++i)
    x[i] = static_cast<float>(limit * std::tanh(static_cast<double>(x[i]) / limit));
}

void glu_reference(const float* gate, const float* up, Activation activation, std::int64_t k, float* y) {
  for (std::int64_t i = 0; i < k; ++i)
    y[i] = static_cast<float>(
        gated_by_reference(activation, static_cast<double>(gate[i]), static_cast<double>(up[i])));
}

}  // namespace oldiron
