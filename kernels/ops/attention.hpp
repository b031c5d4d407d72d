// Attention of query heads that share one KV head over one chunk of the cache, by online softmax.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/range.hpp"
#include "core/tensor_type.hpp"

namespace oldiron {

/// Positions per chunk. Fixed: a token's result is the merge, in order, of its chunks' partial sums, so it is
/// bit-identical for every thread count, batch and ring position.
inline constexpr std::int64_t kAttentionChunk = 256;

/// Queries (tokens x heads) that one call should have at most: it computes more in turns of so many.
inline constexpr std::int64_t kAttentionQueries = 64;

/// One chunk for all `heads` query heads of one KV head and `tokens` tokens of one sequence at consecutive
/// positions: what they share of keys and values is read once for all of them.
///
/// Shapes: q [tokens][q_stride], a token's heads [heads][head_dim] first; k, v: rows of head_dim elements of
/// `kv_type`
///         (f32, f16, bf16, q8_0 or q4_0 in GGUF blocks), row of position p at cell p % cells, cells
///         consecutive; acc [tokens][acc_stride], [heads][head_dim] first; max, sum [tokens][state_stride],
///         [heads] first. Positions [begin, end) of one chunk (begin / kAttentionChunk == (end - 1) /
///         kAttentionChunk), of which token t, at `position` + t, sees those up to its own, and no more than
///         `window` of them (0: all). Each sees some.
/// Result: per token and head: max = largest score, sum = sum of exp(score - max), acc = sum of exp(score -
/// max) * v;
///         bit for bit what the token alone would get.
/// Needs: head_dim a multiple of 16 (quantised types: of 32), at most 1024.
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

  std::int64_t tokens = 1;
  std::int64_t q_stride = 0, acc_stride = 0, state_stride = 0;
  std::int64_t position =
      std::numeric_limits<std::int32_t>::max();  ///< by default all of [begin, end) is seen
  std::int64_t window = 0;

  double bytes() const {
    return 2 * static_cast<double>(row_bytes(kv_type, head_dim)) * static_cast<double>(end - begin);
  }

  double flops() const;
};

/// The positions that a token of the call sees.
inline Range visible(const AttentionArgs& a, std::int64_t token) {
  const std::int64_t position = a.position + token;
  return {a.window == 0 ? a.begin : std::max(a.begin, position + 1 - a.window),
          std::min(a.end, position + 1)};
}

inline double AttentionArgs::flops() const {
  double pairs = 0;
  for (std::int64_t t = 0; t < tokens; ++t) {
    pairs += static_cast<double>(visible(*this, t).end - visible(*this, t).begin);
  }
  return 4.0 * static_cast<double>(heads) * static_cast<double>(head_dim) * pairs;
}

using AttentionFn = void (*)(const AttentionArgs&);
void attention_reference(const AttentionArgs& args);

/// Adds the next chunk's partial result to what the chunks before it gave, for `heads` heads of a token.
/// Shapes as above. Chunks must come in order; after the last one acc / sum is the result.
using MergeChunkFn = void (*)(const float* acc, const float* max, const float* sum, std::int64_t heads,
                              std::int64_t head_dim, float* into_acc, float* into_max, float* into_sum);
void merge_chunk_reference(const float* acc, const float* max, const float* sum, std::int64_t heads,
                           std::int64_t head_dim, float* into_acc, float* into_max, float* into_sum);

/// Stores n floats as kv_type, each rounded to nearest even. Quantised types (n % 32 == 0) as GGUF blocks:
/// q8_0 with d = max|x| / 127, q4_0 with d = -(the x of the largest size) / 8, the quotients by the unrounded
/// d; if a value is not finite, every block of the row becomes NaN.
using StoreKvFn = void (*)(const float* x, std::int64_t n, TensorType kv_type, std::byte* out);
void store_kv_reference(const float* x, std::int64_t n, TensorType kv_type, std::byte* out);

}  // namespace oldiron
