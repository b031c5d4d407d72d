// Included into an ISA's region: the policies that multiply one group of rows by a tile of columns.

// Integer products: weights as packed bytes, activations as int8 per 32.
//
// Per 32 k and column: the words' dot4 start from -kOffset times the exact sum of the activations, so that
// the integer is the product of the true weights; then float(i) * d (two scales: fma of the second) and one
// fma with the activations' scale. Formats with a minimum start from zero instead and take an fma of it with
// minus that sum. Neither the number of columns in a tile nor the split of rows enters this
// order, hence bit-identical columns.
template <class Unpack>
struct Quantised {
  using Format = Unpack;
  static constexpr TensorType kType = Unpack::kType;
  // Two scales need registers for their sums, where results are held in them too.
  static constexpr int kColumns = Unpack::kScales == 1 || kParts == 2 ? kTileColumns : kTileColumns * 3 / 4;
  static constexpr int kActivationBytes = 1;
  static constexpr int kScales = Unpack::kScales;
  using Start = std::conditional_t<kHasMinimum<Unpack>, float, std::int32_t>;
  static constexpr int kStart = kHasMinimum<Unpack> ? -1 : -Unpack::kOffset;  // times the sums
  static constexpr std::int64_t kSpan =
      16384;  // k whose factors are laid out at a time (at most 48 KiB of stack)

  // Both halves of the rows beside each other, so that each word of a column is broadcast once for both. One column is
  // held by the memory anyway.
  template <int kColumns>
  static constexpr bool kTogether = kParts == 2 && kColumns > 1;

  // The columns of a tile: their int8, and beside each other the factors of every 32 k.
  template <int kColumns>
  struct Columns {
    const std::int8_t* q[kColumns];
    alignas(64) float scale[kSpan / 32][kColumns];
    alignas(64) Start start[kSpan / 32 * kScales][kColumns];

    void lay_out(const Activations& x, const std::int64_t (&column)[kColumns], Range span) {
      for (int c = 0; c < kColumns; ++c) {
        q[c] = x.q + column[c] * x.q_stride;
        const float* scales = x.scale + column[c] * x.scale_stride + span.begin / 32;
        const std::int32_t* sums = x.sum + column[c] * x.sum_stride + span.begin / 16;
        for (std::int64_t block = 0; block < (span.end - span.begin) / 32; ++block) {
          scale[block][c] = scales[block];
          if constexpr (kTogether<kColumns> && requires { Sums<Unpack>::start(q[c]); }) {
            for (int s = 0; s < kScales; ++s)
              start[kScales * block + s][c] = Sums<Unpack>::start(q[c] + span.begin + 32 * block + 32 / kScales * s);
          } else if constexpr (kScales == 1) {
            start[block][c] = static_cast<Start>(kStart * (sums[2 * block] + sums[2 * block + 1]));
          } else {
            start[2 * block][c] = kStart * sums[2 * block];
            start[2 * block + 1][c] = kStart * sums[2 * block + 1];
          }
        }
      }
    }
  };

  template <int kColumns>
  [[gnu::noinline]] static void multiply(const Rows& rows, const Columns<kColumns>& x, Range span,
                                         F32 (&result)[kParts][kColumns]) {
    const Group<Unpack> group(rows.group, rows.group_bytes, rows.k);
    if constexpr (kTogether<kColumns>) multiply_beside(group, rows.prefetch, x, span, result);
    else multiply_parts(group, rows.prefetch, x, span, result);
  }

  // One vector of rows after the other, their results in registers.
  template <int kColumns>
  WORD static void multiply_parts(const Group<Unpack>& group, bool prefetch, const Columns<kColumns>& x, Range span,
                                   F32 (&result)[kParts][kColumns]) {
    const std::int8_t* q[kColumns];
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) q[c] = x.q[c];
    F32 acc[kParts][kColumns];
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) acc[part][c] = result[part][c];
    }
    for (std::int64_t unit = span.begin / group.kUnitK; unit < span.end / group.kUnitK; ++unit) {
      unrolled<Unpack::kChunks>([&]<int kChunk>() __attribute__((always_inline)) {
        if (prefetch) group.template prefetch<kChunk>(unit);
        const std::int64_t block = unit * Unpack::kChunks + kChunk;
#pragma GCC unroll 4
        for (int part = 0; part < kParts; ++part) {
          multiply_block<kChunk>(group, unit, part, block, block - span.begin / 32, q, x, acc[part]);
        }
      });
    }
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) result[part][c] = acc[part][c];
    }
  }

  // A chunk of both halves. What is read for one word is not kept for another: there are no registers for it.
  template <int kChunk>
  struct Chunk {
    const Group<Unpack>& group;
    std::int64_t unit;

    WORD I8 word(int part, int i) const {
      asm volatile("" ::: "memory");
      return Unpack::template word<kChunk>(group.plane, unit, part, i);
    }

    WORD F32 scale(int part, int s) const {
      F32 d[kScales];
      Unpack::template scales<kChunk>(group.plane, unit, part, d);
      return d[s];
    }

    WORD F32 minimum(int part) const { return Unpack::template minimum<kChunk>(group.plane, unit, part); }
  };

  // A block of the columns of a tile; `at` counts from the span's beginning.
  template <int kColumns>
  struct Block {
    const Columns<kColumns>& x;
    const std::int8_t* const (&values)[kColumns];
    std::int64_t block, at;

    WORD const std::int8_t* q(int c) const { return values[c] + 32 * block; }

    WORD Start start(int c, int s) const { return x.start[at * kScales + s][c]; }
  };

  // The results stay in L1.
  template <int kColumns>
  WORD static void multiply_beside(const Group<Unpack>& group, bool prefetch, const Columns<kColumns>& x, Range span,
                                   F32 (&result)[kParts][kColumns]) {
    const std::int8_t* q[kColumns];
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) q[c] = x.q[c];
    for (std::int64_t unit = span.begin / group.kUnitK; unit < span.end / group.kUnitK; ++unit) {
      unrolled<Unpack::kChunks>([&]<int kChunk>() __attribute__((always_inline)) {
        if (prefetch) group.template prefetch<kChunk>(unit);
        const std::int64_t block = unit * Unpack::kChunks + kChunk, at = block - span.begin / 32;
        F32 sum[kParts][kColumns];
        multiply_together<Unpack>(Chunk<kChunk>{group, unit}, Block<kColumns>{x, q, block, at}, sum);
#pragma GCC unroll 16
        for (int c = 0; c < kColumns; ++c) {
#pragma GCC unroll 2
          for (int part = 0; part < kParts; ++part)
            result[part][c] = fmadd(sum[part][c], all(x.scale[at][c]), result[part][c]);
        }
      });
    }
  }

  template <int kChunk, int kColumns>
  WORD static void multiply_block(const Group<Unpack>& group, std::int64_t unit, int part, std::int64_t block,
                                  std::int64_t at, const std::int8_t* const (&q)[kColumns],
                                  const Columns<kColumns>& x, F32 (&acc)[kColumns]) {
    constexpr int kWords = 8 / kScales;
    constexpr int kStep = std::min(kWords, kWordsAtOnce);
    // Few columns leave few chains of integer sums; the sums are exact, so they may be split.
    constexpr int kChains = kStep == 1 && kColumns * kScales < 4 ? 4 / (kColumns * kScales) : 1;
    I8 w[8];
    F32 d[kScales];
    words_of<Unpack, kChunk>(group, unit, part, w);
    Unpack::template scales<kChunk>(group.plane, unit, part, d);
    F32 sum[kColumns];
#pragma GCC unroll 2
    for (int s = 0; s < kScales; ++s) {
      I32 i[kColumns][kChains];
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) {
        if constexpr (Unpack::kOffset != 0) i[c][0] = all(x.start[at * kScales + s][c]);
        else i[c][0] = all(0);
#pragma GCC unroll 4
        for (int chain = 1; chain < kChains; ++chain) i[c][chain] = all(0);
      }
#pragma GCC unroll 8
      for (int word = 0; word < kWords; word += kStep) {
#pragma GCC unroll 16
        for (int c = 0; c < kColumns; ++c) {
          I32& chain = i[c][word / kStep % kChains];
          chain = dot4<Unpack::kMax, kStep>(chain, w + s * kWords + word,
                                            q[c] + 32 * block + 4 * (s * kWords + word));
        }
      }
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) {
#pragma GCC unroll 4
        for (int chain = 1; chain < kChains; ++chain) i[c][0] = i[c][0] + i[c][chain];
        sum[c] = s == 0 ? to_float(i[c][0]) * d[0] : fmadd(to_float(i[c][0]), d[s], sum[c]);
      }
    }
    if constexpr (kHasMinimum<Unpack>) {
      const F32 minimum = Unpack::template minimum<kChunk>(group.plane, unit, part);
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) sum[c] = fmadd(minimum, all(x.start[at][c]), sum[c]);
    }
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) acc[c] = fmadd(sum[c], all(x.scale[at][c]), acc[c]);
  }
};

// F32 activations as they lie.
template <int kColumns>
struct FloatColumns {
  const float* x[kColumns];

  void lay_out(const Activations& a, const std::int64_t (&column)[kColumns], Range) {
    for (int c = 0; c < kColumns; ++c) x[c] = a.f32 + column[c] * a.f32_stride;
  }
};

constexpr std::int64_t kWholeK = std::numeric_limits<std::int64_t>::max() / 2;

// F32 activations on quantised weights: the same words, widened byte by byte. For checking, not for speed.
template <class Unpack>
struct Widened {
  static constexpr TensorType kType = Unpack::kType;
  static constexpr int kColumns = 4;
  static constexpr int kActivationBytes = 4;
  static constexpr std::int64_t kSpan = kWholeK;

  template <int kByte>
  WORD static F32 weight(I8 w) {
    if constexpr (Unpack::kMax == kSigned && kSignedOffset == 0) {
      return to_float(signed_byte_of<kByte>(w));
    } else {
      return to_float(byte_of<kByte>(w) + all(-Unpack::kOffset));
    }
  }

  template <int kColumns>
  using Columns = FloatColumns<kColumns>;

  template <int kColumns>
  [[gnu::noinline]] static void multiply(const Rows& rows, const Columns<kColumns>& columns, Range,
                                         F32 (&result)[kParts][kColumns]) {
    constexpr int kWords = 8 / Unpack::kScales;
    const Group<Unpack> group(rows.group, rows.group_bytes, rows.k);
    const auto& x = columns.x;
#pragma GCC unroll 1
    for (int part = 0; part < kParts; ++part) {
      F32 acc[kColumns];
      for (F32& a : acc) a = all(0.0F);
      for (std::int64_t unit = 0; unit < group.units; ++unit) {
        unrolled<Unpack::kChunks>([&]<int kChunk>() __attribute__((always_inline)) {
          I8 w[8];
          F32 d[Unpack::kScales];
          words_of<Unpack, kChunk>(group, unit, part, w);
          Unpack::template scales<kChunk>(group.plane, unit, part, d);
          F32 minimum = all(0.0F);
          if constexpr (kHasMinimum<Unpack>)
            minimum = Unpack::template minimum<kChunk>(group.plane, unit, part);
          const std::int64_t first = 32 * (unit * Unpack::kChunks + kChunk);
#pragma GCC unroll 1
          for (int s = 0; s < Unpack::kScales; ++s) {
            F32 sum[kColumns];
            for (F32& a : sum) a = all(0.0F);
#pragma GCC unroll 1
            for (int word = s * kWords; word < (s + 1) * kWords; ++word) {
              unrolled<4>([&]<int kByte>() __attribute__((always_inline)) {
                F32 value = weight<kByte>(w[word]);
                if constexpr (kHasMinimum<Unpack>) value = value * d[0] - minimum;
#pragma GCC unroll 4
                for (int c = 0; c < kColumns; ++c) {
                  sum[c] = fmadd(value, all(x[c][first + 4 * word + kByte]), sum[c]);
                }
              });
            }
#pragma GCC unroll 4
            for (int c = 0; c < kColumns; ++c) {
              acc[c] = kHasMinimum<Unpack> ? acc[c] + sum[c] : fmadd(sum[c], d[s], acc[c]);
            }
          }
        });
      }
      for (int c = 0; c < kColumns; ++c) result[part][c] = acc[c];
    }
  }
};

// Float weights: one fma per 16 rows, k and column; even and odd k in two chains, because the latency of one
// would hold n = 1 below memory speed.
template <class Weights>
struct Floats {
  static constexpr TensorType kType = Weights::kType;
  static constexpr int kColumns = kFloatColumns;
  static constexpr int kActivationBytes = 4;
  static constexpr std::int64_t kSpan = kWholeK;

  template <int kColumns>
  using Columns = FloatColumns<kColumns>;

  template <int kColumns>
  [[gnu::noinline]] static void multiply(const Rows& rows, const Columns<kColumns>& columns, Range,
                                         F32 (&result)[kParts][kColumns]) {
    const float* x[kColumns];
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) x[c] = columns.x[c];
    F32 acc[kParts][2][kColumns];
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) acc[part][0][c] = acc[part][1][c] = all(0.0F);
    }
    const auto step = [&](std::int64_t i, int chain) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int part = 0; part < kParts; ++part) {
        const F32 w = Weights::at(rows.group + (i * 16 + part * kLanes) * Weights::kBytes);
#pragma GCC unroll 16
        for (int c = 0; c < kColumns; ++c) acc[part][chain][c] = fmadd(w, all(x[c][i]), acc[part][chain][c]);
      }
    };
    std::int64_t i = 0;
    for (; i + 2 <= rows.k; i += 2) {
      if (rows.prefetch) {
        const std::byte* ahead = rows.group + i * 16 * Weights::kBytes + kPrefetchBytes;
#pragma GCC unroll 2
        for (int line = 0; line < 32 * Weights::kBytes; line += 64) __builtin_prefetch(ahead + line);
      }
      step(i, 0);
      step(i + 1, 1);
    }
    if (i < rows.k) step(i, 0);
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) result[part][c] = acc[part][0][c] + acc[part][1][c];
    }
  }
};
