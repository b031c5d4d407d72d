// Attention of some query heads that share one KV head over one chunk of the cache, by online softmax.
#pragma once

#include <cstdint>

#include "core/tensor_type.hpp"

namespace oldiron {

/// Positions per chunk. Fixed: a token's result is the merge, in order, of its chunks' partial sums, so it is bit-identical
/// for every thread count, batch and ring position.
inline constexpr std::int64_t kAttentionChunk = 256;

/// One chunk for all `heads` query heads of one KV head (each key and value row is read once for all of them).
///
/// Shapes: q [heads][head_dim]; k, v: rows of head_dim elements of `kv_type` (f16 or f32), row of position p at cell
///         p % cells, cells consecutive; acc [heads][head_dim], max [heads], sum [heads].
///         Positions [begin, end) of one chunk (begin / kAttentionChunk == (end - 1) / kAttentionChunk).
/// Result: per head: max = largest score, sum = sum of exp(score - max), acc = sum of exp(score - max) * v.
struct AttentionArgs {
  const float* q = nullptr;
  std::int64_t heads = 0, head_dim = 0;
  TensorType kv_type = TensorType::f16;
  const std::byte* k = nullptr;
  const std::byte* v = nullptr;
  std::int64_t cells = 0;
  std::int64_t begin = 0, end = 0;
  float scale = 1;
  float* acc = nullptr;
  float* max = nullptr;
  float* sum = nullptr;

  double bytes() const {
    const double element = kv_type == TensorType::f32 ? 4 : 2;
    return 2 * element * static_cast<double>(head_dim) * static_cast<double>(end - begin);
  }

  double flops() const {
    return 4.0 * static_cast<double>(heads) * static_cast<double>(head_dim) * static_cast<double>(end - begin);
  }
};

using AttentionFn = void (*)(const AttentionArgs&);
void attention_reference(const AttentionArgs& args);

/// Merges a head's partial results over its chunks in order: out[head_dim] = sum acc_i e^(max_i - M) / sum sum_i e^(max_i - M).
/// Chunk i's values at acc + i * stride, max[i * max_stride], sum[i * max_stride].
void merge_chunks(const float* acc, const float* max, const float* sum, std::int64_t chunks, std::int64_t stride,
                  std::int64_t max_stride, std::int64_t head_dim, float* out);

/// Stores n floats as kv_type.
using StoreKvFn = void (*)(const float* x, std::int64_t n, TensorType kv_type, std::byte* out);
void store_kv_reference(const float* x, std::int64_t n, TensorType kv_type, std::byte* out);

}  // namespace oldiron
