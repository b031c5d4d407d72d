// Included into an ISA's region: one chunk of attention for the query heads of one KV head.
//
// Scores of the chunk first (each key row meets all heads while in L1), then the soft maximum, then the
// values in blocks of rows that stay in L1 while tiles of the result stay in registers. Every float operation
// has one order, whatever the tiles.
constexpr int kHeadsAtOnce = 16;  // scores of so many heads lie on the stack (16 KiB)
constexpr int kValueRows = 16;    // rows of a block: 16 KiB at head_dim 512 and f16

struct F32Cache {
  static constexpr std::int64_t kBytes = 4;

  WORD static F32 at(const std::byte* p) { return load(reinterpret_cast<const float*>(p)); }
};

struct F16Cache {
  static constexpr std::int64_t kBytes = 2;

  WORD static F32 at(const std::byte* p) { return load_f16(reinterpret_cast<const std::uint16_t*>(p)); }
};

template <class Cache, int kHeads>
void scores_of_row(const AttentionArgs& a, const float* q, const std::byte* row, float* score) {
  F32 dot[kHeads];
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) dot[h] = all(0.0F);
  for (std::int64_t d = 0; d < a.head_dim; d += kLanes) {
    const F32 key = Cache::at(row + d * Cache::kBytes);
#pragma GCC unroll 4
    for (int h = 0; h < kHeads; ++h) dot[h] = fmadd(load(q + h * a.head_dim + d), key, dot[h]);
  }
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) score[h * kAttentionChunk] = sum(dot[h]) * a.scale;
}

template <class Cache, int kHeads, int kVectors>
void add_values(const AttentionArgs& a, const float* weight, const std::byte* const* rows, int count,
                std::int64_t d, float* acc) {
  F32 sums[kHeads][kVectors];
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) sums[h][i] = load(acc + h * a.head_dim + d + i * kLanes);
  }
  for (int r = 0; r < count; ++r) {
    const std::byte* row = rows[r] + d * Cache::kBytes;
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) {
      const F32 value = Cache::at(row + i * kLanes * Cache::kBytes);
#pragma GCC unroll 4
      for (int h = 0; h < kHeads; ++h) {
        sums[h][i] = fmadd(all(weight[h * kAttentionChunk + r]), value, sums[h][i]);
      }
    }
  }
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) store(acc + h * a.head_dim + d + i * kLanes, sums[h][i]);
  }
}

template <class Cache, int kHeads>
void add_value_rows(const AttentionArgs& a, const float* weight, const std::byte* const* rows, int count,
                    float* acc) {
  constexpr int kVectors = kLanes == 16 ? 4 : 2;
  std::int64_t d = 0;
  for (; d + kVectors * kLanes <= a.head_dim; d += kVectors * kLanes) {
    add_values<Cache, kHeads, kVectors>(a, weight, rows, count, d, acc);
  }
  for (; d < a.head_dim; d += kLanes) add_values<Cache, kHeads, 1>(a, weight, rows, count, d, acc);
}

// Calls f<kHeads>(first) over `heads` heads in tiles of four, then what is left.
template <class F>
WORD void in_head_tiles(std::int64_t heads, F f) {
  std::int64_t h = 0;
  for (; h + 4 <= heads; h += 4) f.template operator()<4>(h);
  for (; h + 2 <= heads; h += 2) f.template operator()<2>(h);
  for (; h < heads; ++h) f.template operator()<1>(h);
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

template <class Cache>
void attention_heads(const AttentionArgs& a, std::int64_t first_head, std::int64_t heads) {
  alignas(64) float score[kHeadsAtOnce][kAttentionChunk];
  const std::int64_t count = a.end - a.begin;
  const std::int64_t row_size = a.head_dim * Cache::kBytes;
  const float* q = a.q + first_head * a.head_dim;
  float* acc = a.acc + first_head * a.head_dim;
  const auto next = [&](std::int64_t cell) { return cell + 1 == a.cells ? 0 : cell + 1; };

  std::int64_t cell = a.begin % a.cells;
  for (std::int64_t p = 0; p < count; ++p, cell = next(cell)) {
    const std::byte* row = a.k + cell * row_size;
    for (std::int64_t line = 0; line < row_size; line += 64) __builtin_prefetch(row + kPrefetchBytes + line);
    in_head_tiles(
        heads, [&]<int kHeads>(std::int64_t h) __attribute__((always_inline)) {
          scores_of_row<Cache, kHeads>(a, q + h * a.head_dim, row, &score[h][p]);
        });
  }

  for (std::int64_t h = 0; h < heads; ++h)
    soften(score[h], count, a.max + first_head + h, a.sum + first_head + h);

  for (std::int64_t i = 0; i < heads * a.head_dim; i += kLanes) store(acc + i, all(0.0F));
  cell = a.begin % a.cells;
  for (std::int64_t p = 0; p < count; p += kValueRows) {
    const std::byte* rows[kValueRows];
    const int block = static_cast<int>(std::min<std::int64_t>(kValueRows, count - p));
    for (int r = 0; r < block; ++r, cell = next(cell)) {
      rows[r] = a.v + cell * row_size;
      for (std::int64_t line = 0; line < row_size; line += 64) {
        __builtin_prefetch(rows[r] + kValueRows * row_size + line);
      }
    }
    in_head_tiles(
        heads, [&]<int kHeads>(std::int64_t h) __attribute__((always_inline)) {
          add_value_rows<Cache, kHeads>(a, &score[h][p], rows, block, acc + h * a.head_dim);
        });
  }
}

void attention(const AttentionArgs& a) {
  DCHECK(a.head_dim % 16 == 0 && a.begin / kAttentionChunk == (a.end - 1) / kAttentionChunk,
         "one chunk, whole vectors");
  const auto heads = a.kv_type == TensorType::f32 ? attention_heads<F32Cache> : attention_heads<F16Cache>;
  for (std::int64_t h = 0; h < a.heads; h += kHeadsAtOnce) {
    heads(a, h, std::min<std::int64_t>(kHeadsAtOnce, a.heads - h));
  }
}

void store_kv(const float* x, std::int64_t n, TensorType kv_type, std::byte* out) {
  if (kv_type == TensorType::f32) {
    std::memcpy(out, x, static_cast<std::size_t>(n) * sizeof(float));
    return;
  }
  auto* half = reinterpret_cast<std::uint16_t*>(out);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_f16(half + i, load(x + i));
  if (i < n) {
    std::uint16_t rest[kLanes];
    store_f16(rest, load(x + i, static_cast<int>(n - i)));
    std::memcpy(half + i, rest, static_cast<std::size_t>(n - i) * sizeof *half);
  }
}
