// Included into an ISA's region: the policy that multiplies plain GGUF rows, as they lie in the file, by a
// tile of columns: what repacking is measured against.
//
// 32 k of a row against 32 of a column make lanes of integer sums, float(i) * d and one fma with the
// activations' scale; a horizontal sum ends the row. A vector holds one row (two with 16 lanes), and four
// vectors of rows share what is loaded of the columns. Neither these numbers nor the columns of a tile enter
// the order of a row's operations.
template <class Unpack>
struct PlainRows {
  static constexpr TensorType kType = Unpack::kType;
  static constexpr Layout kLayout = Layout::rows;
  static constexpr int kColumns = kRowColumns;
  static constexpr int kActivationBytes = 1;
  static constexpr std::int64_t kSpan = 16384;  // k whose factors of minima are laid out at a time
  static constexpr int kUnitK = 32 * Unpack::kChunks;

  template <int kColumns>
  struct Columns {
    const std::int8_t* q[kColumns];
    const float* scale[kColumns];
    alignas(64) float minus_sum[kColumns][kHasMinimum<Unpack> ? kSpan / 32 : 1];  // times the scale

    void lay_out(const Activations& x, const std::int64_t (&column)[kColumns], Range span) {
      for (int c = 0; c < kColumns; ++c) {
        q[c] = x.q + column[c] * x.q_stride;
        scale[c] = x.scale + column[c] * x.scale_stride;
        if constexpr (kHasMinimum<Unpack>) {
          const std::int32_t* sums = x.sum + column[c] * x.sum_stride;
          for (std::int64_t block = span.begin / 32; block < span.end / 32; ++block) {
            minus_sum[c][block - span.begin / 32] =
                scale[c][block] * static_cast<float>(-(sums[2 * block] + sums[2 * block + 1]));
          }
        }
      }
    }
  };

  template <int kColumns>
  [[gnu::noinline]] static void multiply(const Rows& rows, const Columns<kColumns>& x, Range span,
                                         F32 (&result)[kParts][kColumns]) {
    constexpr int kVectors = 4;
    const std::int64_t stride = rows.group_bytes / 16;
    alignas(64) float sums[kColumns][16] = {};
    int row = 0;
    for (; row + kVectors * kVectorRows <= rows.count; row += kVectors * kVectorRows) {
      some_rows<kVectors>(rows, rows.group + row * stride, stride, x, span, row, sums);
    }
    for (; row < rows.count; row += kVectorRows) {
      // A row without a partner is its own.
      const std::int64_t apart = row + kVectorRows <= rows.count ? stride : 0;
      some_rows<1>(rows, rows.group + row * stride, apart, x, span, row, sums);
    }
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) {
        result[part][c] = result[part][c] + load(&sums[c][part * kLanes]);
      }
    }
  }

  // As far ahead as the packed kernels all rows together, going on in the next rows.
  template <int kRows>
  WORD static void prefetch(const std::byte* first, std::int64_t stride, std::int64_t row_size,
                            std::int64_t unit) {
    constexpr int kEvery = std::max(1, 64 / Unpack::kBytes);
    if (unit % kEvery != 0) return;
    std::int64_t at = unit * Unpack::kBytes + kPrefetchBytes / kRows;
    if (at >= row_size) at += (kRows - 1) * row_size;
#pragma GCC unroll 8
    for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
      for (int line = 0; line < Unpack::kBytes; line += 64) {
        __builtin_prefetch(first + row * stride + at + line);
      }
    }
  }

  template <int kVectors, int kColumns>
  WORD static void some_rows(const Rows& rows, const std::byte* first, std::int64_t stride,
                             const Columns<kColumns>& x, Range span, int row, float (&sums)[kColumns][16]) {
    const std::int8_t* q[kColumns];
    const float* scale[kColumns];
    F32 acc[kVectors][kColumns];
#pragma GCC unroll 4
    for (int c = 0; c < kColumns; ++c) {
      q[c] = x.q[c];
      scale[c] = x.scale[c];
#pragma GCC unroll 4
      for (int r = 0; r < kVectors; ++r) acc[r][c] = all(0.0F);
    }
    for (std::int64_t unit = span.begin / kUnitK; unit < span.end / kUnitK; ++unit) {
      if (rows.prefetch) prefetch<kVectors * kVectorRows>(first, stride, rows.group_bytes / 16, unit);
      const std::byte* p = first + unit * Unpack::kBytes;
      typename Unpack::Scales scales[kVectors];
#pragma GCC unroll 4
      for (int r = 0; r < kVectors; ++r) scales[r].read(p + r * kVectorRows * stride, stride);
      unrolled<Unpack::kChunks>([&]<int kChunk>() __attribute__((always_inline)) {
        unrolled<kBlockVectors>([&]<int kVector>() __attribute__((always_inline)) {
          const std::int64_t block = unit * Unpack::kChunks + kChunk;
          I8 values[kColumns];
          I32 start[kColumns];
#pragma GCC unroll 4
          for (int c = 0; c < kColumns; ++c) {
            values[c] = all_rows(q[c] + 32 * block + kVector * kVectorBytes);
            start[c] = all(0);
            if constexpr (Unpack::kOffset != 0) {
              start[c] = start[c] - dot<Unpack::kOffset>(all(0), all_bytes(Unpack::kOffset), values[c]);
            }
          }
#pragma GCC unroll 4
          for (int r = 0; r < kVectors; ++r) {
            const std::byte* at = p + r * kVectorRows * stride;
            const I8 w = Unpack::template words<kChunk, kVector>(at, stride);
            const F32 d = scales[r].template scale<kChunk, kVector>(at, stride);
#pragma GCC unroll 4
            for (int c = 0; c < kColumns; ++c) {
              const I32 i = dot<Unpack::kMax>(start[c], w, values[c]);
              acc[r][c] = fmadd(to_float(i) * d, all(scale[c][block]), acc[r][c]);
            }
          }
        });
      });
      if constexpr (kHasMinimum<Unpack>) {
        unrolled<kBlockVectors>([&]<int kVector>() __attribute__((always_inline)) {
#pragma GCC unroll 4
          for (int c = 0; c < kColumns; ++c) {
            const F32 factor = all_rows(&x.minus_sum[c][unit * 8 - span.begin / 32] + kVector * kLanes);
#pragma GCC unroll 4
            for (int r = 0; r < kVectors; ++r) {
              acc[r][c] = fmadd(scales[r].template minima<kVector>(), factor, acc[r][c]);
            }
          }
        });
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kVectors; ++r) {
#pragma GCC unroll 4
      for (int c = 0; c < kColumns; ++c) row_sums(acc[r][c], &sums[c][row + r * kVectorRows]);
    }
  }
};
