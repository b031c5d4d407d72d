// The obvious attention, and the merging of chunks.
#include "kernels/ops/attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/check.hpp"
#include "kernels/formats/format.hpp"

namespace oldiron {
namespace {

double element(TensorType kv_type, const std::byte* base, std::int64_t index) {
  if (kv_type == TensorType::f32) {
    float value = 0;
    std::memcpy(&value, base + 4 * index, sizeof value);
    return static_cast<double>(value);
  }
  std::uint16_t half = 0;
  std::memcpy(&half, base + 2 * index, sizeof half);
  return static_cast<double>(half_to_float(half));
}

}  // namespace

void attention_reference(const AttentionArgs& a) {
  const std::int64_t d = a.head_dim;
  for (std::int64_t h = 0; h < a.heads; ++h) {
    std::vector<double> scores;
    for (std::int64_t p = a.begin; p < a.end; ++p) {
      double score = 0;
      for (std::int64_t i = 0; i < d; ++i) {
        score += static_cast<double>(a.q[h * d + i]) * element(a.kv_type, a.k, p % a.cells * d + i);
      }
      scores.push_back(score * static_cast<double>(a.scale));
    }
    const double top = *std::max_element(scores.begin(), scores.end());
    std::vector<double> acc(static_cast<std::size_t>(d));
    double total = 0;
    for (std::int64_t p = a.begin; p < a.end; ++p) {
      const double weight = std::exp(scores[static_cast<std::size_t>(p - a.begin)] - top);
      total += weight;
      for (std::size_t i = 0; i < acc.size(); ++i) {
        acc[i] += weight * element(a.kv_type, a.v, p % a.cells * d + static_cast<std::int64_t>(i));
      }
    }
    a.max[h] = static_cast<float>(top);
    a.sum[h] = static_cast<float>(total);
    for (std::size_t i = 0; i < acc.size(); ++i)
      a.acc[h * d + static_cast<std::int64_t>(i)] = static_cast<float>(acc[i]);
  }
}

void merge_chunks(const float* acc, const float* max, const float* sum, std::int64_t chunks,
                  std::int64_t stride, std::int64_t max_stride, std::int64_t head_dim, float* out) {
  float top = max[0];
  for (std::int64_t i = 1; i < chunks; ++i) top = std::max(top, max[i * max_stride]);
  float total = 0;
  for (std::int64_t i = 0; i < chunks; ++i)
    total += sum[i * max_stride] * std::exp(max[i * max_stride] - top);
  std::fill_n(out, head_dim, 0.0F);
  for (std::int64_t i = 0; i < chunks; ++i) {
    const float weight = std::exp(max[i * max_stride] - top) / total;
    for (std::int64_t d = 0; d < head_dim; ++d) out[d] += acc[i * stride + d] * weight;
  }
}

void store_kv_reference(const float* x, std::int64_t n, TensorType kv_type, std::byte* out) {
  for (std::int64_t i = 0; i < n; ++i) {
    if (kv_type == TensorType::f32) {
      std::memcpy(out + 4 * i, x + i, sizeof *x);
    } else {
      const std::uint16_t half = float_to_half(x[i]);
      std::memcpy(out + 2 * i, &half, sizeof half);
    }
  }
}

}  // namespace oldiron
