// Included into an ISA's region: one chunk of attention for the query heads of one KV head and a few tokens.
//
// Blocks of key rows meet the heads of all tokens while they lie in L1, then comes the soft maximum, then the
// same for values. What many queries share is widened to floats once. A register tile holds heads of one
// token only, so that every token reads exactly its own range, and every float operation of a token has one
// order, whatever the tiles, blocks and neighbours.
constexpr std::int64_t kBlockFloats = 4096;  // of keys widened together: 16 KiB, half of the smallest L1
constexpr std::int64_t kBlockRows = 64;      // of keys or values, at most
constexpr std::int64_t kDirectQueries = 8;   // up to so many, widening into memory costs more than it saves
constexpr int kAccumulators = kLanes == 16 ? 16 : 8;
constexpr int kSliceVectors = kAccumulators / 2;  // of a value row at a time

/// What one call works on: `heads` heads from first_head on, `tokens` tokens from first_token on.
struct Tile {
  const AttentionArgs& args;
  std::int64_t first_token, tokens, first_head, heads;
  float (*score)[kAttentionChunk];  ///< of kAttentionQueries queries, on the stack: 64 KiB; [token * heads +
                                    ///< head][position - range(token).begin]

  WORD Range range(std::int64_t token) const { return visible(args, first_token + token); }

  WORD const float* q(std::int64_t token, std::int64_t head) const {
    return args.q + (first_token + token) * args.q_stride + (first_head + head) * args.head_dim;
  }

  WORD float* acc(std::int64_t token, std::int64_t head) const {
    return args.acc + (first_token + token) * args.acc_stride + (first_head + head) * args.head_dim;
  }
};

// Calls f<kHeads>(first) over `heads` heads in tiles of four, then what is left.
template <class F>
WORD void in_head_tiles(std::int64_t heads, F f) {
  std::int64_t h = 0;
  for (; h + 4 <= heads; h += 4) f.template operator()<4>(h);
  for (; h + 2 <= heads; h += 2) f.template operator()<2>(h);
  for (; h < heads; ++h) f.template operator()<1>(h);
}

/// Scores of kHeads heads at kLanes / kHeads keys; kFetch: keys come from memory, those behind them are fetched.
template <class Cache, bool kFetch, int kHeads>
WORD F32 score_tile(const float* q, std::int64_t head_dim, const std::byte* const* keys) {
  constexpr int kKeys = kLanes / kHeads;
  constexpr int kVectors = Cache::kUnit / kLanes;
  F32 dot[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) dot[i] = all(0.0F);
  std::int64_t at = 0;
  for (std::int64_t d = 0; d < head_dim; d += Cache::kUnit, at += Cache::kUnitBytes) {
#pragma GCC unroll 16
    for (int key = 0; key < kKeys; ++key) {
      F32 values[kVectors];
      if (kFetch && at % 64 == 0) __builtin_prefetch(keys[key] + at + kPrefetchBytes);
      Cache::widen(keys[key] + at, values);
#pragma GCC unroll 8
      for (int i = 0; i < kVectors; ++i) {
#pragma GCC unroll 4
        for (int h = 0; h < kHeads; ++h) {
          F32& sum = dot[h * kKeys + key];
          sum = fmadd(load(q + h * head_dim + d + i * kLanes), values[i], sum);
        }
      }
    }
  }
  return sum_each(dot);
}

/// Scores of the positions [range.begin, range.end), whose key rows are given, for the heads of one token.
template <class Cache, bool kFetch>
void score_rows(const Tile& tile, std::int64_t token, Range range, const std::byte* const* rows) {
  const AttentionArgs& a = tile.args;
  const std::int64_t begin = tile.range(token).begin;
  in_head_tiles(
      tile.heads, [&]<int kHeads>(std::int64_t h) __attribute__((always_inline)) {
        constexpr std::int64_t kKeys = kLanes / kHeads;
        float* score = &tile.score[token * tile.heads + h][range.begin - begin];
        const std::int64_t count = range.end - range.begin;
        for (std::int64_t i = 0; i < count; i += kKeys) {
          const std::int64_t left = std::min(kKeys, count - i);
          const std::byte* keys[kKeys];
#pragma GCC unroll 16
          for (std::int64_t key = 0; key < kKeys; ++key) keys[key] = rows[i + std::min(key, left - 1)];
          float scores[kLanes];
          store(scores, score_tile<Cache, kFetch, kHeads>(tile.q(token, h), a.head_dim, keys) * all(a.scale));
          for (int head = 0; head < kHeads; ++head) {
            float* to = score + head * kAttentionChunk + i;
            if (left == kKeys) std::memcpy(to, scores + head * kKeys, kKeys * sizeof(float));
            else std::memcpy(to, scores + head * kKeys, static_cast<std::size_t>(left) * sizeof(float));
          }
        }
      });
}

/// Adds the weighted values of `count` rows to kVectors vectors of kHeads heads; value(row, i) is one of
/// them.
template <int kHeads, int kVectors, class Value>
WORD void add_values(float* acc, std::int64_t head_dim, const float* weight, std::int64_t count,
                     Value value) {
  F32 sums[kHeads][kVectors];
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 8
    for (int i = 0; i < kVectors; ++i) sums[h][i] = load(acc + h * head_dim + i * kLanes);
  }
  for (std::int64_t row = 0; row < count; ++row) {
    F32 values[kVectors];
#pragma GCC unroll 8
    for (int i = 0; i < kVectors; ++i) values[i] = value(row, i);
#pragma GCC unroll 4
    for (int h = 0; h < kHeads; ++h) {
      const F32 w = all(weight[h * kAttentionChunk + row]);
#pragma GCC unroll 8
      for (int i = 0; i < kVectors; ++i) sums[h][i] = fmadd(w, values[i], sums[h][i]);
    }
  }
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 8
    for (int i = 0; i < kVectors; ++i) store(acc + h * head_dim + i * kLanes, sums[h][i]);
  }
}

/// The same over `vectors` vectors (a slice, or one), in as many at a time as registers allow.
template <class Value>
WORD void add_slice(const Tile& tile, std::int64_t token, Range range, std::int64_t d, bool whole,
                    Value value) {
  const std::int64_t first = range.begin - tile.range(token).begin;
  in_head_tiles(
      tile.heads, [&]<int kHeads>(std::int64_t h) __attribute__((always_inline)) {
        constexpr int kVectors = std::min(kSliceVectors, kAccumulators / kHeads);
        float* acc = tile.acc(token, h) + d;
        const float* weight = &tile.score[token * tile.heads + h][first];
        const std::int64_t count = range.end - range.begin;
        if (!whole) return add_values<kHeads, 1>(acc, tile.args.head_dim, weight, count, value);
        for (int i = 0; i < kSliceVectors; i += kVectors) {
          add_values<kHeads, kVectors>(
              acc + i * kLanes, tile.args.head_dim, weight,
              count, [&](std::int64_t row, int j) __attribute__((always_inline)) {
                return value(row, i + j);
              });
        }
      });
}

// Turns scores into weights e^(score - max); the array is padded to whole vectors.
WORD void soften(float* score, std::int64_t count, float* max, float* total) {
  const std::int64_t padded = (count + kLanes - 1) / kLanes * kLanes;
  for (std::int64_t i = count; i < padded; ++i) score[i] = -std::numeric_limits<float>::infinity();
  F32 top = load(score);
  for (std::int64_t i = kLanes; i < padded; i += kLanes) top = largest(top, load(score + i));
  *max = largest(top);
  F32 sums = all(0.0F);
  for (std::int64_t i = 0; i < padded; i += kLanes) {
    const F32 e = exp(load(score + i) - all(*max));
    store(score + i, e);
    sums = sums + e;
  }
  *total = sum(sums);
}

/// Calls f(range, rows) for blocks of at most `block` positions of the tile; `base` is the keys' or the
/// values'.
template <class F>
WORD void in_blocks(const AttentionArgs& a, Range range, std::int64_t block, const std::byte* base, F f) {
  const std::int64_t row_size = row_bytes(a.kv_type, a.head_dim);
  std::int64_t cell = range.begin % a.cells;
  const std::byte* rows[kBlockRows];
  for (std::int64_t p = range.begin; p < range.end; p += block) {
    const std::int64_t count = std::min(block, range.end - p);
    for (std::int64_t i = 0; i < count; ++i, cell = cell + 1 == a.cells ? 0 : cell + 1) {
      rows[i] = base + cell * row_size;
    }
    f(Range{p, p + count}, rows);
  }
}

// The row as far ahead as a block of rows, line by line as blocks are worked on: a whole block at once fills
// the core's queue of misses.
WORD void fetch_row(const AttentionArgs& a, const std::byte* row, std::int64_t block) {
  const std::int64_t size = row_bytes(a.kv_type, a.head_dim);
  const std::int64_t ahead = std::max(block * size, std::int64_t{kPrefetchBytes});
  for (std::int64_t line = 0; line < size; line += 64) __builtin_prefetch(row + ahead + line);
}

WORD Range common(Range a, Range b) { return {std::max(a.begin, b.begin), std::min(a.end, b.end)}; }

template <class Cache>
void widen_row(const std::byte* row, std::int64_t n, float* out) {
  constexpr int kVectors = Cache::kUnit / kLanes;
  for (std::int64_t d = 0; d < n; d += Cache::kUnit, row += Cache::kUnitBytes) {
    F32 values[kVectors];
    Cache::widen(row, values);
#pragma GCC unroll 8
    for (int i = 0; i < kVectors; ++i) store(out + d + i * kLanes, values[i]);
  }
}

template <class Cache, bool kWiden>
void score_all(const Tile& tile, Range range) {
  const AttentionArgs& a = tile.args;
  const std::int64_t block = std::clamp<std::int64_t>(kBlockFloats / a.head_dim / 8 * 8, 8, kBlockRows);
  alignas(64) float wide[kWiden ? 2 * kBlockFloats : 1];
  in_blocks(
      a, range, block, a.k, [&](Range part, const std::byte** rows) __attribute__((always_inline)) {
        if constexpr (kWiden) {
          for (std::int64_t i = 0; i < part.end - part.begin; ++i) {
            fetch_row(a, rows[i], block);
            widen_row<Cache>(rows[i], a.head_dim, wide + i * a.head_dim);
            rows[i] = reinterpret_cast<const std::byte*>(wide + i * a.head_dim);
          }
        }
        using Read = std::conditional_t<kWiden, F32Cache, Cache>;
        for (std::int64_t token = 0; token < tile.tokens; ++token) {
          const Range seen = common(part, tile.range(token));
          if (seen.begin < seen.end) score_rows<Read, !kWiden>(tile, token, seen, rows + (seen.begin - part.begin));
        }
      });
}

constexpr std::int64_t kDirectRows = 16;

/// Values read where they lie: rows[row] + d.
template <class Cache>
void add_rows(const Tile& tile, std::int64_t token, Range range, const std::byte* const* rows) {
  for (std::int64_t d = 0; d < tile.args.head_dim;) {
    const bool whole = d + kSliceVectors * kLanes <= tile.args.head_dim;
    const std::int64_t at = d / kLanes * Cache::kUnitBytes;
    if (at % 64 == 0) {
      const std::int64_t ahead = kDirectRows * row_bytes(tile.args.kv_type, tile.args.head_dim);
      for (std::int64_t row = 0; row < range.end - range.begin; ++row) __builtin_prefetch(rows[row] + at + ahead);
    }
    add_slice(
        tile, token, range, d, whole, [&](std::int64_t row, int i) __attribute__((always_inline)) {
          F32 value;
          Cache::widen(rows[row] + at + i * Cache::kUnitBytes, &value);
          return value;
        });
    d += whole ? kSliceVectors * kLanes : kLanes;
  }
}

/// Values widened: slices of kSliceVectors vectors, each over kValueRows rows, so that one slice stays in L1.
constexpr std::int64_t kSliceFloats = kSliceVectors * kLanes;
constexpr std::int64_t kValueRows = std::min(kBlockRows, kBlockFloats / kSliceFloats);
constexpr std::int64_t kMaxHeadDim = 1024;

template <class Cache>
void widen_values(const std::byte* row, std::int64_t head_dim, float* out) {
  constexpr int kVectors = Cache::kUnit / kLanes;
  for (std::int64_t d = 0; d < head_dim; d += Cache::kUnit, row += Cache::kUnitBytes) {
    F32 values[kVectors];
    Cache::widen(row, values);
#pragma GCC unroll 8
    for (int i = 0; i < kVectors; ++i) {
      const std::int64_t at = d + i * kLanes;
      store(out + at / kSliceFloats * kSliceFloats * kValueRows + at % kSliceFloats, values[i]);
    }
  }
}

template <class Cache, bool kWiden>
void add_all(const Tile& tile, Range range) {
  const AttentionArgs& a = tile.args;
  alignas(64) float wide[kWiden ? kValueRows * kMaxHeadDim : 1];
  const std::int64_t block = kWiden ? kValueRows : kDirectRows;
  in_blocks(
      a, range, block, a.v, [&](Range part, const std::byte** rows) __attribute__((always_inline)) {
        if constexpr (kWiden) {
          for (std::int64_t i = 0; i < part.end - part.begin; ++i) {
            fetch_row(a, rows[i], block);
            widen_values<Cache>(rows[i], a.head_dim, wide + i * kSliceFloats);
          }
          for (std::int64_t d = 0; d < a.head_dim;) {
            const bool whole = d + kSliceFloats <= a.head_dim;
            const float* slice = wide + d / kSliceFloats * kSliceFloats * kValueRows + d % kSliceFloats;
            for (std::int64_t token = 0; token < tile.tokens; ++token) {
              const Range seen = common(part, tile.range(token));
              if (seen.begin >= seen.end) continue;
              const float* first = slice + (seen.begin - part.begin) * kSliceFloats;
              add_slice(
                  tile, token, seen, d,
                  whole, [first](std::int64_t row, int i) __attribute__((always_inline)) {
                    return load(first + row * kSliceFloats + i * kLanes);
                  });
            }
            d += whole ? kSliceFloats : kLanes;
          }
        } else {
          for (std::int64_t token = 0; token < tile.tokens; ++token) {
            const Range seen = common(part, tile.range(token));
            if (seen.begin < seen.end) add_rows<Cache>(tile, token, seen, rows + (seen.begin - part.begin));
          }
        }
      });
}

template <class Cache, bool kWiden>
void attend_tile(const AttentionArgs& a, std::int64_t first_token, std::int64_t tokens,
                 std::int64_t first_head, std::int64_t heads) {
  alignas(64) float score[kAttentionQueries][kAttentionChunk];
  const Tile tile{a, first_token, tokens, first_head, heads, score};
  const Range range{tile.range(0).begin, tile.range(tokens - 1).end};
  score_all<Cache, kWiden>(tile, range);
  for (std::int64_t token = 0; token < tokens; ++token) {
    const Range seen = tile.range(token);
    const std::int64_t state = (first_token + token) * a.state_stride + first_head;
    for (std::int64_t h = 0; h < heads; ++h) {
      soften(score[token * heads + h], seen.end - seen.begin, a.max + state + h, a.sum + state + h);
      for (std::int64_t d = 0; d < a.head_dim; d += kLanes) store(tile.acc(token, h) + d, all(0.0F));
    }
  }
  add_all<Cache, kWiden>(tile, range);
}

template <class Cache>
void attend_chunk(const AttentionArgs& a) {
  constexpr bool kNeverDirect = Cache::kUnit != kLanes;
  const std::int64_t heads = std::min(a.heads, kAttentionQueries);
  const std::int64_t tokens = kAttentionQueries / heads;
  for (std::int64_t h = 0; h < a.heads; h += heads) {
    for (std::int64_t t = 0; t < a.tokens; t += tokens) {
      const std::int64_t count = std::min(tokens, a.tokens - t);
      const std::int64_t width = std::min(heads, a.heads - h);
      if (kNeverDirect || count * width > kDirectQueries) attend_tile<Cache, true>(a, t, count, h, width);
      else if constexpr (!kNeverDirect) attend_tile<Cache, false>(a, t, count, h, width);
    }
  }
}

void attention(const AttentionArgs& a) {
  DCHECK(a.head_dim % 16 == 0 && a.head_dim <= kMaxHeadDim, "whole vectors, and room for them");
  DCHECK(a.begin / kAttentionChunk == (a.end - 1) / kAttentionChunk, "one chunk");
  switch (a.kv_type) {
    case TensorType::f32:
      return attend_chunk<F32Cache>(a);
    case TensorType::f16:
      return attend_chunk<F16Cache>(a);
    case TensorType::bf16:
      return attend_chunk<Bf16Cache>(a);
    case TensorType::q8_0:
      return attend_chunk<Q8Cache>(a);
    default:
      DCHECK(a.kv_type == TensorType::q4_0, "a type that keys and values are kept in");
      return attend_chunk<Q4Cache>(a);
  }
}

// e^(max - top) of both sides; the larger one's is exactly 1.
void merge_chunk(const float* acc, const float* max, const float* sum, std::int64_t heads,
                 std::int64_t head_dim, float* into_acc, float* into_max, float* into_sum) {
  for (std::int64_t h = 0; h < heads; ++h, acc += head_dim, into_acc += head_dim) {
    const float top = std::max(max[h], into_max[h]);
    const F32 keep = exp(all(into_max[h] - top));
    const F32 add = exp(all(max[h] - top));
    float weights[2][kLanes];
    store(weights[0], keep);
    store(weights[1], add);
    into_sum[h] = into_sum[h] * weights[0][0] + sum[h] * weights[1][0];
    into_max[h] = top;
    for (std::int64_t d = 0; d < head_dim; d += kLanes) {
      store(into_acc + d, fmadd(load(acc + d), add, load(into_acc + d) * keep));
    }
  }
}
