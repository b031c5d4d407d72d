// Included into a region with the words of BF16, after tile.inl: activations as BF16, and weights as pairs.

// From one laid-out column to the next, in values: whole tile rows, and one line more, so that the columns of
// a k that is a power of two do not all fall into the same sets of the cache.
WORD std::int64_t bf16_stride(std::int64_t k) { return (k + 31) / 32 * 32 + 32; }

// The columns as BF16, each padded with zeros to a multiple of 32 k.
[[gnu::noinline]] void lay_out_bf16(const Job& job, Range columns, std::uint16_t* to) {
  const std::int64_t stride = bf16_stride(job.k);
  for (std::int64_t c = columns.begin; c < columns.end; ++c, to += stride) {
    const float* x = job.x.f32 + job.x_column(c) * job.x.f32_stride;
    std::int64_t i = 0;
    for (; i + 32 <= job.k; i += 32) store_bf16(to + i, load(x + i), load(x + i + 16));
    if (i == job.k) continue;
    float last[32] = {};
    for (std::int64_t j = i; j < job.k; ++j) last[j - i] = x[j];
    store_bf16(to + i, load(last), load(last + 16));
  }
}

// Two rows of k of a packed group as pairs; of the last row of an odd k, with zeros.
struct Bf16Pairs {
  static constexpr TensorType kType = TensorType::bf16;

  WORD static Pairs at(const std::byte* p) { return interleaved(load_pairs(p).v); }

  WORD static Pairs last(const std::byte* p) {
    alignas(64) std::byte both[64] = {};
    std::memcpy(both, p, 32);
    return at(both);
  }
};

struct F16Pairs {
  static constexpr TensorType kType = TensorType::f16;

  WORD static Pairs at(const std::byte* p) {
    const auto* halves = reinterpret_cast<const std::uint16_t*>(p);
    return pairs_of(load_f16(halves), load_f16(halves + 16));
  }

  WORD static Pairs last(const std::byte* p) {
    return pairs_of(load_f16(reinterpret_cast<const std::uint16_t*>(p)), all(0.0F));
  }
};

// Float weights by vdpbf16ps: one chain over all k per row and column, whatever the tile. Weights are paired
// in registers, so that one pass over them is at memory speed and no scratch is written.
template <class Weights>
struct Dot2 {
  static constexpr TensorType kType = Weights::kType;
  static constexpr int kMostColumns = 12;  // by 2 groups: 24 sums, 2 pairs of weights, 1 of activations
  static constexpr std::int64_t kBlockBytes = 384 << 10;  // of weights that stay in L2 while columns pass

  struct Strip {
    std::int64_t row, column;
    const std::uint16_t* x;  // of the first column
    bool prefetch;           // the weights come from memory
  };

  // kGroups groups of rows of every matrix by kColumns columns. Beside the sums nothing may want registers,
  // or GCC keeps sums on the stack: what follows the loop is a function of its own.
  template <int kMats, int kGroups, int kColumns>
  [[gnu::noinline]] static void multiply(const Job& job, const Strip& strip) {
    constexpr int kStreams = kMats * kGroups;
    constexpr std::int64_t kAheadK = kPrefetchBytes / kStreams / 64 * 2;
    const std::int64_t stride = bf16_stride(job.k);
    const std::byte* w[kStreams];
    F32 result[kStreams][kColumns];
    {
      F32 acc[kStreams][kColumns];
#pragma GCC unroll 8
      for (int s = 0; s < kStreams; ++s) {
        w[s] = job.w[s / kGroups] + (strip.row / 16 + s % kGroups) * job.group_bytes;
#pragma GCC unroll 16
        for (int c = 0; c < kColumns; ++c) acc[s][c] = all(0.0F);
      }
      const std::uint16_t* x = strip.x;
      for (std::int64_t i = 0; i + 2 <= job.k; i += 2, x += 2) {
        if (strip.prefetch) {
          // Behind the end of a group comes the group of the next strip.
          const std::int64_t ahead =
              32 * (i + kAheadK) + (i + kAheadK < job.k ? 0 : (kGroups - 1) * job.group_bytes);
#pragma GCC unroll 8
          for (int s = 0; s < kStreams; ++s) __builtin_prefetch(w[s] + ahead);
        }
        Pairs pairs[kStreams];
#pragma GCC unroll 8
        for (int s = 0; s < kStreams; ++s) pairs[s] = Weights::at(w[s] + 32 * i);
#pragma GCC unroll 16
        for (int c = 0; c < kColumns; ++c) {
#pragma GCC unroll 8
          for (int s = 0; s < kStreams; ++s) acc[s][c] = dot2(acc[s][c], pairs[s], x + c * stride);
        }
      }
#pragma GCC unroll 8
      for (int s = 0; s < kStreams; ++s) {
#pragma GCC unroll 16
        for (int c = 0; c < kColumns; ++c) result[s][c] = acc[s][c];
      }
    }
    finish<kMats>(job, strip, kGroups, kColumns, w, &result[0][0]);
  }

  // Adds the last k of an odd row, and writes.
  template <int kMats>
  [[gnu::noinline]] static void finish(const Job& job, const Strip& strip, int groups, int columns,
                                       const std::byte* const* w, F32* result) {
    if (job.k % 2 != 0) {
      for (int s = 0; s < kMats * groups; ++s) {
        const Pairs last = Weights::last(w[s] + 32 * (job.k - 1));
        for (int c = 0; c < columns; ++c) {
          F32& y = result[s * columns + c];
          y = dot2(y, last, strip.x + c * bf16_stride(job.k) + job.k - 1);
        }
      }
    }
    for (int g = 0; g < groups; ++g) {
      for (int c = 0; c < columns; ++c) {
        write_rows<kMats>(job, strip.row + 16 * g, strip.column + c, result[g * columns + c],
                          result[((kMats - 1) * groups + g) * columns + c]);
      }
    }
  }

  template <int kMats, int kColumns>
  [[gnu::noinline]] static void tile(const Job& job, Range rows, Strip strip) {
    constexpr int kGroups = (kColumns <= 2 ? 4 : 2) / kMats;
    strip.row = rows.begin;
    for (; strip.row + 16 * (kGroups - 1) < rows.end; strip.row += 16 * kGroups) {
      multiply<kMats, kGroups, kColumns>(job, strip);
    }
    for (; strip.row < rows.end; strip.row += 16) multiply<kMats, 1, kColumns>(job, strip);
  }

  template <int kMats, int kColumns = kMostColumns>
  WORD static void tile_of(std::int64_t columns, const Job& job, Range rows, const Strip& strip) {
    if constexpr (kColumns > 0) {
      if (columns == kColumns) return tile<kMats, kColumns>(job, rows, strip);
      tile_of<kMats, kColumns - 1>(columns, job, rows, strip);
    }
  }

  template <int kMats>
  static void run(const Job& job) {
    const std::int64_t stride = bf16_stride(job.k);
    auto* x = reinterpret_cast<std::uint16_t*>(scratch(2 * stride * std::min(job.n, kColumnsLaidOut)));
    const std::int64_t block = 16 * std::max<std::int64_t>(4, kBlockBytes / (kMats * job.group_bytes));
    for (Range columns = {0, 0}; columns.begin < job.n; columns.begin = columns.end) {
      columns.end = std::min(columns.begin + kColumnsLaidOut, job.n);
      lay_out_bf16(job, columns, x);
      for (Range rows = {job.row_begin, 0}; rows.begin < job.row_end; rows.begin = rows.end) {
        rows.end = columns.end - columns.begin <= kMostColumns ? job.row_end
                                                               : std::min(rows.begin + block, job.row_end);
        even_tiles(columns.end - columns.begin, kMostColumns, [&](std::int64_t first, std::int64_t count) {
          tile_of<kMats>(count, job, rows,
                         {.row = 0,
                          .column = columns.begin + first,
                          .x = x + first * stride,
                          .prefetch = first == 0});
        });
      }
    }
  }
};
