// The obvious attention, merge of chunks, and storing of keys and values.
#include "kernels/ops/attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/check.hpp"
#include "kernels/formats/format.hpp"
#include "kernels/ops/elementwise.hpp"

namespace oldiron {
namespace {

/// The row of position p as floats.
std::vector<float> row(const AttentionArgs& a, const std::byte* base, std::int64_t p) {
  std::vector<float> out(static_cast<std::size_t>(a.head_dim));
  format(a.kv_type)->dequantise(base + p % a.cells * row_bytes(a.kv_type, a.head_dim), a.head_dim,
                                out.data());
  return out;
}

void attend_head(const AttentionArgs& a, Range range, const float* q, float* acc, float* max, float* sum) {
  const auto d = static_cast<std::size_t>(a.head_dim);
  std::vector<double> scores;
  for (std::int64_t p = range.begin; p < range.end; ++p) {
    const std::vector<float> key = row(a, a.k, p);
    double score = 0;
    for (std::size_t i = 0; i < d; ++i) score += static_cast<double>(q[i]) * static_cast<double>(key[i]);
    scores.push_back(score * static_cast<double>(a.scale));
  }
  const double top = *std::max_element(scores.begin(), scores.end());
  std::vector<double> values(d);
  double total = 0;
  for (std::int64_t p = range.begin; p < range.end; ++p) {
    const std::vector<float> value = row(a, a.v, p);
    const double weight = std::exp(scores[static_cast<std::size_t>(p - range.begin)] - top);
    total += weight;
    for (std::size_t i = 0; i < d; ++i) values[i] += weight * static_cast<double>(value[i]);
  }
  *max = static_cast<float>(top);
  *sum = static_cast<float>(total);
  for (std::size_t i = 0; i < d; ++i) acc[i] = static_cast<float>(values[i]);
}

// Float operations as the fast ones do them: the bytes must agree.
bool store_blocks(const float* x, std::int64_t n, TensorType type, std::byte* out) {
  for (std::int64_t block = 0; block < n / 32; ++block, x += 32, out += info(type).block_bytes) {
    std::int8_t q[32];
    float d = 0;
    if (type == TensorType::q8_0) {
      std::int32_t sums[2];
      if (!quantize_reference(x, 32, q, &d, sums)) return false;
      std::memcpy(out + 2, q, 32);
    } else {
      float top = x[0], least = x[0];
      for (int i = 0; i < 32; ++i) {
        if (!std::isfinite(x[i])) return false;
        top = std::max(top, x[i]);
        least = std::min(least, x[i]);
      }
      d = (top > -least ? top : least) / -8.0F;
      if (std::fabs(d) < kSmallestScale) d = 0;
      const float inverse = d == 0 ? 0.0F : 1.0F / d;
      for (int i = 0; i < 32; ++i)
        q[i] = static_cast<std::int8_t>(std::nearbyint(std::min(x[i] * inverse, 7.0F)) + 8);
      for (int i = 0; i < 16; ++i) out[2 + i] = static_cast<std::byte>(q[i] | q[16 + i] << 4);
    }
    const std::uint16_t half = float_to_half(d);
    std::memcpy(out, &half, sizeof half);
  }
  return true;
}

}  // namespace

void attention_reference(const AttentionArgs& a) {
  for (std::int64_t t = 0; t < a.tokens; ++t) {
    for (std::int64_t h = 0; h < a.heads; ++h) {
      attend_head(a, visible(a, t), a.q + t * a.q_stride + h * a.head_dim,
                  a.acc + t * a.acc_stride + h * a.head_dim, a.max + t * a.state_stride + h,
                  a.sum + t * a.state_stride + h);
    }
  }
}

void merge_chunk_reference(const float* acc, const float* max, const float* sum, std::int64_t heads,
                           std::int64_t head_dim, float* into_acc, float* into_max, float* into_sum) {
  for (std::int64_t h = 0; h < heads; ++h, acc += head_dim, into_acc += head_dim) {
    const float top = std::max(max[h], into_max[h]);
    const double keep = std::exp(static_cast<double>(into_max[h]) - static_cast<double>(top));
    const double add = std::exp(static_cast<double>(max[h]) - static_cast<double>(top));
    into_max[h] = top;
    into_sum[h] =
        static_cast<float>(static_cast<double>(into_sum[h]) * keep + static_cast<double>(sum[h]) * add);
    for (std::int64_t i = 0; i < head_dim; ++i)
      into_acc[i] =
          static_cast<float>(static_cast<double>(into_acc[i]) * keep + static_cast<double>(acc[i]) * add);
  }
}

void store_kv_reference(const float* x, std::int64_t n, TensorType kv_type, std::byte* out) {
  if (info(kv_type).block > 1) {
    if (store_blocks(x, n, kv_type, out)) return;
    const std::uint16_t nan = 0x7e00;
    std::memset(out, 0, static_cast<std::size_t>(row_bytes(kv_type, n)));
    for (std::int64_t block = 0; block < n / 32; ++block)
      std::memcpy(out + block * info(kv_type).block_bytes, &nan, 2);
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    if (kv_type == TensorType::f32) {
      std::memcpy(out + 4 * i, x + i, sizeof *x);
    } else {
      const std::uint16_t half = kv_type == TensorType::f16 ? float_to_half(x[i]) : float_to_bf16(x[i]);
      std::memcpy(out + 2 * i, &half, sizeof half);
    }
  }
}

}  // namespace oldiron
