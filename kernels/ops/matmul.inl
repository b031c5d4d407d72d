// Included into an ISA's region: the policies that multiply one group of rows by a tile of columns.

// Planes of a packed group, and fetching them ahead of use.
template <class Unpack>
struct Group {
  static constexpr int kPlanes = static_cast<int>(std::size(Unpack::kUnitBytes));
  static constexpr std::int64_t kUnitK = 32 * Unpack::kChunks;

  std::int64_t units, bytes;
  const std::byte* plane[kPlanes];

  WORD Group(const std::byte* group, std::int64_t group_bytes, std::int64_t k)
      : units(k / kUnitK), bytes(group_bytes) {
#pragma GCC unroll 4
    for (int i = 0; i < kPlanes; ++i) {
      plane[i] = group;
      group += units * Unpack::kUnitBytes[i];
    }
  }

  // Every plane the same number of units ahead, going on at the start of the next group's planes.
  WORD void prefetch(std::int64_t unit) const {
    constexpr int kSum = [] {
      int total = 0;
      for (const int b : Unpack::kUnitBytes) total += b;
      return total;
    }();
    constexpr std::int64_t kAhead = std::max(1, kPrefetchBytes / kSum);
    const bool next_group = unit + kAhead >= units;
#pragma GCC unroll 4
    for (int i = 0; i < kPlanes; ++i) {
      const std::int64_t stride = Unpack::kUnitBytes[i];
      const std::byte* p = plane[i] + (unit + kAhead) * stride + (next_group ? bytes - units * stride : 0);
#pragma GCC unroll 16
      for (int line = 0; line < Unpack::kUnitBytes[i]; line += 64) __builtin_prefetch(p + line);
    }
  }
};

// Integer products: weights as packed bytes, activations as int8 per 32.
//
// Per 32 k and column: the words' dot4 start from -kOffset times the exact sum of the activations, so that
// the integer is the product of the true weights; then float(i) * d (two scales: fma of the second) and one
// fma with the activations' scale. Neither the number of columns in a tile nor the split of rows enters this
// order, hence bit-identical columns.
template <class Unpack>
struct Quantised {
  static constexpr TensorType kType = Unpack::kType;
  static constexpr int kColumns = kTileColumns;
  static constexpr int kActivationBytes = 1;
  static constexpr int kScales = Unpack::kScales;
  static constexpr int kSpan = 128;  // blocks of 32 k whose scales and offsets are laid out at a time

  template <int kColumns>
  struct Factors {
    alignas(64) float scale[kColumns][kSpan];
    alignas(64) std::int32_t start[kColumns][kSpan * kScales];
  };

  WORD static void lay_out(const float* scale, const std::int32_t* sums, std::int64_t blocks,
                           float* scale_out, std::int32_t* start) {
    const I32 factor = all(-Unpack::kOffset);
    const auto vector_at = [&](std::int64_t i) __attribute__((always_inline)) {
      store(scale_out + i, load(scale + i));
      if constexpr (Unpack::kOffset != 0) {
        const I32 low = load(sums + 2 * i);
        const I32 high = load(sums + 2 * i + kLanes);
        if constexpr (kScales == 1) {
          store(start + i, pair_sums(low, high) * factor);
        } else {
          store(start + 2 * i, low * factor);
          store(start + 2 * i + kLanes, high * factor);
        }
      }
    };
    std::int64_t i = 0;
    for (; i + kLanes <= blocks; i += kLanes) vector_at(i);
    if (i == blocks) return;
    if (blocks >= kLanes) return vector_at(blocks - kLanes);  // overlaps the last one
    for (; i < blocks; ++i) {
      scale_out[i] = scale[i];
      if constexpr (kScales == 1) {
        start[i] = -Unpack::kOffset * (sums[2 * i] + sums[2 * i + 1]);
      } else {
        start[2 * i] = -Unpack::kOffset * sums[2 * i];
        start[2 * i + 1] = -Unpack::kOffset * sums[2 * i + 1];
      }
    }
  }

  template <int kColumns>
  [[gnu::noinline]] static void multiply(const Tile<kColumns>& tile, F32 (&result)[kParts][kColumns]) {
    static_assert(kSpan % Unpack::kChunks == 0);
    const Group<Unpack> group(tile.group, tile.group_bytes, tile.k);
    const std::int8_t* q[kColumns];
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) q[c] = tile.x->q + tile.column[c] * tile.x->q_stride;
    F32 acc[kParts][kColumns];
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) acc[part][c] = all(0.0F);
    }
    Factors<kColumns> factors;
    const std::int64_t blocks = tile.k / 32;
    for (std::int64_t begin = 0; begin < blocks; begin += kSpan) {
      const std::int64_t end = std::min(begin + kSpan, blocks);
#pragma GCC unroll 1
      for (int c = 0; c < kColumns; ++c) {
        lay_out(tile.x->scale + tile.column[c] * tile.x->scale_stride + begin,
                tile.x->sum + tile.column[c] * tile.x->sum_stride + 2 * begin, end - begin, factors.scale[c],
                factors.start[c]);
      }
      for (std::int64_t unit = begin / Unpack::kChunks; unit < end / Unpack::kChunks; ++unit) {
        if (tile.prefetch) group.prefetch(unit);
        unrolled<Unpack::kChunks>([&]<int kChunk>() __attribute__((always_inline)) {
          const std::int64_t block = unit * Unpack::kChunks + kChunk;
#pragma GCC unroll 4
          for (int part = 0; part < kParts; ++part) {
            multiply_block<kChunk>(group, unit, part, block, block - begin, q, factors, acc[part]);
          }
        });
      }
    }
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) result[part][c] = acc[part][c];
    }
  }

  template <int kChunk, int kColumns>
  WORD static void multiply_block(const Group<Unpack>& group, std::int64_t unit, int part, std::int64_t block,
                                  std::int64_t at, const std::int8_t* const (&q)[kColumns],
                                  const Factors<kColumns>& factors, F32 (&acc)[kColumns]) {
    constexpr int kWords = 8 / kScales;
    I8 w[8];
    F32 d[kScales];
    Unpack::template words<kChunk>(group.plane, unit, part, w);
    Unpack::template scales<kChunk>(group.plane, unit, part, d);
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) {
      F32 sum;
#pragma GCC unroll 2
      for (int s = 0; s < kScales; ++s) {
        const I32 start = all(Unpack::kOffset != 0 ? factors.start[c][at * kScales + s] : 0);
        const F32 i =
            to_float(dot4<Unpack::kMax, kWords>(start, w + s * kWords, q[c] + 32 * block + 4 * kWords * s));
        sum = s == 0 ? i * d[0] : fmadd(i, d[s], sum);
      }
      acc[c] = fmadd(sum, all(factors.scale[c][at]), acc[c]);
    }
  }
};

// F32 activations on quantised weights: the same words, widened byte by byte. For checking, not for speed.
template <class Unpack>
struct Widened {
  static constexpr TensorType kType = Unpack::kType;
  static constexpr int kColumns = 4;
  static constexpr int kActivationBytes = 4;

  template <int kByte>
  WORD static F32 weight(I8 w) {
    if constexpr (Unpack::kMax == kSigned && kSignedOffset == 0) {
      return to_float(signed_byte_of<kByte>(w));
    } else {
      return to_float(byte_of<kByte>(w) + all(-Unpack::kOffset));
    }
  }

  template <int kColumns>
  [[gnu::noinline]] static void multiply(const Tile<kColumns>& tile, F32 (&result)[kParts][kColumns]) {
    constexpr int kWords = 8 / Unpack::kScales;
    const Group<Unpack> group(tile.group, tile.group_bytes, tile.k);
    const float* x[kColumns];
    for (int c = 0; c < kColumns; ++c) x[c] = tile.x->f32 + tile.column[c] * tile.x->f32_stride;
#pragma GCC unroll 1
    for (int part = 0; part < kParts; ++part) {
      F32 acc[kColumns];
      for (F32& a : acc) a = all(0.0F);
      for (std::int64_t unit = 0; unit < group.units; ++unit) {
        unrolled<Unpack::kChunks>([&]<int kChunk>() __attribute__((always_inline)) {
          I8 w[8];
          F32 d[Unpack::kScales];
          Unpack::template words<kChunk>(group.plane, unit, part, w);
          Unpack::template scales<kChunk>(group.plane, unit, part, d);
          const std::int64_t first = 32 * (unit * Unpack::kChunks + kChunk);
#pragma GCC unroll 1
          for (int s = 0; s < Unpack::kScales; ++s) {
            F32 sum[kColumns];
            for (F32& a : sum) a = all(0.0F);
#pragma GCC unroll 1
            for (int word = s * kWords; word < (s + 1) * kWords; ++word) {
              unrolled<4>([&]<int kByte>() __attribute__((always_inline)) {
                const F32 value = weight<kByte>(w[word]);
#pragma GCC unroll 4
                for (int c = 0; c < kColumns; ++c) {
                  sum[c] = fmadd(value, all(x[c][first + 4 * word + kByte]), sum[c]);
                }
              });
            }
#pragma GCC unroll 4
            for (int c = 0; c < kColumns; ++c) acc[c] = fmadd(sum[c], d[s], acc[c]);
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

  template <int kColumns>
  [[gnu::noinline]] static void multiply(const Tile<kColumns>& tile, F32 (&result)[kParts][kColumns]) {
    const float* x[kColumns];
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) x[c] = tile.x->f32 + tile.column[c] * tile.x->f32_stride;
    F32 acc[kParts][2][kColumns];
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) acc[part][0][c] = acc[part][1][c] = all(0.0F);
    }
    const auto step = [&](std::int64_t i, int chain) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int part = 0; part < kParts; ++part) {
        const F32 w = Weights::at(tile.group + (i * 16 + part * kLanes) * Weights::kBytes);
#pragma GCC unroll 16
        for (int c = 0; c < kColumns; ++c) acc[part][chain][c] = fmadd(w, all(x[c][i]), acc[part][chain][c]);
      }
    };
    std::int64_t i = 0;
    for (; i + 2 <= tile.k; i += 2) {
      if (tile.prefetch) {
        const std::byte* ahead = tile.group + i * 16 * Weights::kBytes + kPrefetchBytes;
#pragma GCC unroll 2
        for (int line = 0; line < 32 * Weights::kBytes; line += 64) __builtin_prefetch(ahead + line);
      }
      step(i, 0);
      step(i + 1, 1);
    }
    if (i < tile.k) step(i, 0);
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) result[part][c] = acc[part][0][c] + acc[part][1][c];
    }
  }
};
