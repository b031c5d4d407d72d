// Included into a region with tile registers, after tile_bf16.inl: products by tiles of 16 columns by 16
// rows.
//
// Activations are the left operand, a column a row of the tile; a packed group is the right operand as it
// lies: 64 bytes of layout r16 are 16 rows by 4 k of int8, and so many pairs of BF16. Columns that are
// missing from a tile are laid out as zeros.

WORD std::int64_t whole_tiles(std::int64_t columns) { return (columns + 15) / 16 * 16; }

// From quantised weights, the pairs of BF16 of a whole group: [k/2][16 rows][2].
template <class Unpack>
struct PairsOfQuantised {
  static constexpr TensorType kType = Unpack::kType;

  [[gnu::noinline]] static void unpack(const std::byte* packed, std::int64_t k, std::byte* to) {
    constexpr int kWords = 8 / Unpack::kScales;
    const Group<Unpack> group(packed, 16 * row_bytes(Unpack::kType, k), k);
    for (std::int64_t unit = 0; unit < group.units; ++unit) {
      unrolled<Unpack::kChunks>([&]<int kChunk>() __attribute__((always_inline)) {
        I8 w[8];
        F32 d[Unpack::kScales];
        words_of<Unpack, kChunk>(group, unit, 0, w);
        Unpack::template scales<kChunk>(group.plane, unit, 0, d);
#pragma GCC unroll 8
        for (int word = 0; word < 8; ++word) {
          const F32 scale = d[word / kWords];
          // (byte - kOffset) * scale: the product is rounded before the difference, far below BF16.
          F32 start = all(0.0F);
          if constexpr (Unpack::kOffset != 0) start = scale * all(static_cast<float>(-Unpack::kOffset));
          if constexpr (kHasMinimum<Unpack>) {
            start = all(0.0F) - Unpack::template minimum<kChunk>(group.plane, unit, 0);
          }
          store_pairs(to, pairs_of(fmadd(to_float(byte_of<0>(w[word])), scale, start),
                                   fmadd(to_float(byte_of<1>(w[word])), scale, start)));
          store_pairs(to + 64, pairs_of(fmadd(to_float(byte_of<2>(w[word])), scale, start),
                                        fmadd(to_float(byte_of<3>(w[word])), scale, start)));
          to += 128;
        }
      });
    }
  }
};

// From float weights; what is missing from the last 32 k is zero.
template <class Weights>
struct PairsOfFloats {
  static constexpr TensorType kType = Weights::kType;

  [[gnu::noinline]] static void unpack(const std::byte* packed, std::int64_t k, std::byte* to) {
    std::int64_t i = 0;
    for (; i + 2 <= k; i += 2, to += 64) store_pairs(to, Weights::at(packed + 32 * i));
    for (; i < (k + 31) / 32 * 32; i += 2, to += 64) {
      store_pairs(to, i < k ? Weights::last(packed + 32 * i) : pairs_of(all(0.0F), all(0.0F)));
    }
  }
};

// Products by TDPBF16PS: a block of rows becomes pairs once for up to 512 columns. Inside, spans of k whose
// columns stay in L1 while the block's weights pass from L2; sums wait in memory between spans.
template <class Source>
struct TilesBf16 {
  static constexpr TensorType kType = Source::kType;
  static constexpr std::int64_t kBlockBytes = 1 << 20;  // of pairs: half of an L2 of 2 MiB
  static constexpr std::int64_t kMostGroups = 16;
  static constexpr std::int64_t kSpan = 8;  // tiles of 32 k

  // Of 16 columns by 16 rows.
  struct Sums {
    alignas(64) float at[16][16];
  };

  struct Operands {
    const std::uint16_t* x;
    const std::byte* w;
    std::int64_t x_stride, w_stride;  // in values, from a group to the next in bytes
  };

  // 16 kHalves columns by kGroups groups, `tiles` tiles of k; sums of a half lie kMostGroups apart.
  template <int kHalves, int kGroups>
  WORD static void multiply(const Operands& in, std::int64_t tiles, bool first, Sums* sums) {
    const auto each_sum = [&](auto f) __attribute__((always_inline)) {
      f.template operator()<0>(sums[0]);
      if constexpr (kGroups > 1) f.template operator()<1>(sums[1]);
      if constexpr (kHalves > 1) f.template operator()<2>(sums[kMostGroups]);
      if constexpr (kHalves > 1 && kGroups > 1) f.template operator()<3>(sums[kMostGroups + 1]);
    };
    each_sum([&]<int kTile>(const Sums& sum) __attribute__((always_inline)) {
      first ? tile_zero<kTile>() : tile_load<kTile>(sum.at, 64);
    });
    for (std::int64_t t = 0; t < tiles; ++t) {
      tile_load<6>(in.w + 1024 * t, 64);
      tile_load<4>(in.x + 32 * t, 2 * in.x_stride);
      tile_dot_bf16<0, 4, 6>();
      if constexpr (kGroups > 1) {
        tile_load<7>(in.w + in.w_stride + 1024 * t, 64);
        tile_dot_bf16<1, 4, 7>();
      }
      if constexpr (kHalves > 1) {
        tile_load<5>(in.x + 16 * in.x_stride + 32 * t, 2 * in.x_stride);
        tile_dot_bf16<2, 5, 6>();
        if constexpr (kGroups > 1) tile_dot_bf16<3, 5, 7>();
      }
    }
    each_sum([&]<int kTile>(Sums & sum) __attribute__((always_inline)) { tile_store<kTile>(sum.at, 64); });
  }

  // 16 kHalves columns by a block of groups, and the writing of those that are columns.
  template <int kMats, int kHalves>
  [[gnu::noinline]] static void columns_by_block(const Job& job, Operands in, std::int64_t row,
                                                 std::int64_t groups, Range columns) {
    Sums sums[2][kMostGroups];
    const std::int64_t tiles = (job.k + 31) / 32;
    for (std::int64_t t = 0; t < tiles; t += kSpan, in.x += 32 * kSpan, in.w += 1024 * kSpan) {
      const std::int64_t span = std::min(kSpan, tiles - t);
      Operands at = in;
      std::int64_t g = 0;
      for (; g + 2 <= groups; g += 2, at.w += 2 * in.w_stride) {
        multiply<kHalves, 2>(at, span, t == 0, sums[0] + g);
      }
      if (g < groups) multiply<kHalves, 1>(at, span, t == 0, sums[0] + g);
    }
    // Gated: gate and up of 16 rows lie beside each other.
    for (std::int64_t c = columns.begin; c < columns.end; ++c) {
      const Sums* half = sums[(c - columns.begin) / 16];
      for (std::int64_t g = 0; g < groups; g += kMats) {
        const auto sum = [&](std::int64_t group) __attribute__((always_inline)) {
          return load(half[group].at[(c - columns.begin) % 16]);
        };
        write_rows<kMats>(job, row + 16 * (g / kMats), c, sum(g), sum(g + kMats - 1));
      }
    }
  }

  template <int kMats>
  static void run(const Job& job) {
    const std::int64_t stride = bf16_stride(job.k);
    const std::int64_t group_bytes = (job.k + 31) / 32 * 1024;
    const std::int64_t laid_out = std::min(job.n, kColumnsLaidOut);
    const std::int64_t x_bytes = 2 * stride * whole_tiles(laid_out);
    const std::int64_t block =
        std::clamp<std::int64_t>(kBlockBytes / (kMats * group_bytes), 2, kMostGroups / kMats);
    std::byte* memory = scratch(x_bytes + block * kMats * group_bytes);
    auto* x = reinterpret_cast<std::uint16_t*>(memory);
    std::byte* w = memory + x_bytes;
    static constexpr TileShapes kShapes = [] {
      TileShapes shapes;
      for (int tile = 0; tile < 8; ++tile) shapes.set(tile, 16, 64);
      return shapes;
    }();
    tile_shapes(kShapes);
    for (Range columns = {0, 0}; columns.begin < job.n; columns.begin = columns.end) {
      columns.end = std::min(columns.begin + kColumnsLaidOut, job.n);
      const std::int64_t count = columns.end - columns.begin;
      lay_out_bf16(job, columns, x);
      std::memset(x + count * stride, 0, 2 * stride * (whole_tiles(count) - count));
      for (std::int64_t row = job.row_begin; row < job.row_end; row += 16 * block) {
        const std::int64_t groups = std::min(block, (job.row_end - row + 15) / 16);
        for (std::int64_t g = 0; g < groups * kMats; ++g) {
          Source::unpack(job.w[g % kMats] + (row / 16 + g / kMats) * job.group_bytes, job.k,
                         w + g * group_bytes);
        }
        for (std::int64_t c = 0; c < count; c += 32) {
          const Operands in = {x + c * stride, w, stride, group_bytes};
          const Range tile = {columns.begin + c, columns.begin + std::min(c + 32, count)};
          tile.end - tile.begin > 16 ? columns_by_block<kMats, 2>(job, in, row, groups * kMats, tile)
                                     : columns_by_block<kMats, 1>(job, in, row, groups * kMats, tile);
        }
      }
    }
    tile_release();
  }
};

// Products by TDPBSSD: per 32 k the tile of exact integers is stored, and the float operations on it are
// those of Quantised::multiply in the same order, hence the same bits.
template <class Unpack>
struct TilesInt8 {
  static constexpr TensorType kType = Unpack::kType;
  static constexpr int kScales = Unpack::kScales;
  static constexpr bool kInPlace = Unpack::kMax == kSigned;  // packed words are signed bytes already
  static constexpr std::int64_t kBlockBytes = 512 << 10;     // of unpacked words

  // Signed bytes of 16 rows: [k/4][16 rows][4].
  [[gnu::noinline]] static void unpack(const std::byte* packed, std::int64_t k, std::byte* to) {
    const Group<Unpack> group(packed, 16 * row_bytes(Unpack::kType, k), k);
    for (std::int64_t unit = 0; unit < group.units; ++unit) {
      unrolled<Unpack::kChunks>([&]<int kChunk>() __attribute__((always_inline)) {
        I8 w[8];
        words_of<Unpack, kChunk>(group, unit, 0, w);
#pragma GCC unroll 8
        for (int word = 0; word < 8; ++word, to += 64) store_words(to, minus(w[word], Unpack::kOffset));
      });
    }
  }

  // The columns of a tile; what is missing is zero.
  struct Columns {
    const std::int8_t* q;  // [16] columns
    std::int64_t q_stride;
    const float* scale;  // [k/32][16]
    const float* sum;    // the same: minus the sums of 32, for a minimum
  };

  [[gnu::noinline]] static void lay_out(const Job& job, Range columns, std::int8_t* q,
                                        std::int64_t q_stride, float* scale, float* sum) {
    const std::int64_t count = columns.end - columns.begin;
    const std::int64_t blocks = job.k / 32;
    for (std::int64_t c = 0; c < whole_tiles(count); ++c) {
      const bool real = c < count;
      const std::int64_t from = real ? job.x_column(columns.begin + c) : 0;
      if (real) {
        std::memcpy(q + c * q_stride, job.x.q + from * job.x.q_stride, job.k);
      } else {
        std::memset(q + c * q_stride, 0, job.k);
      }
      const std::int64_t at = c / 16 * blocks * 16 + c % 16;
      for (std::int64_t b = 0; b < blocks; ++b) {
        scale[at + 16 * b] = real ? job.x.scale[from * job.x.scale_stride + b] : 0;
        if constexpr (kHasMinimum<Unpack>) {
          const std::int32_t* sums = job.x.sum + from * job.x.sum_stride + 2 * b;
          sum[at + 16 * b] = real ? static_cast<float>(-(sums[0] + sums[1])) : 0;
        }
      }
    }
  }

  // 16 columns by one group.
  [[gnu::noinline]] static void multiply(const std::byte* packed, const std::byte* words, std::int64_t k,
                                         const Columns& x, F32 (&result)[16]) {
    constexpr std::int64_t kLevels = 4;  // integers of so many blocks under way
    const Group<Unpack> group(packed, 16 * row_bytes(Unpack::kType, k), k);
    alignas(64) std::int32_t integers[kLevels][kScales][16][16];
    F32 acc[16];
#pragma GCC unroll 16
    for (F32& a : acc) a = all(0.0F);
    for (std::int64_t unit = 0; unit < group.units; ++unit) {
      unrolled<Unpack::kChunks>([&]<int kChunk>() __attribute__((always_inline)) {
        const std::int64_t block = unit * Unpack::kChunks + kChunk;
        auto& tile = integers[block % kLevels];
        tile_zero<0>();
        tile_load<4>(x.q + 32 * block, x.q_stride);
        tile_load<6>(words + 512 * block, 64);
        tile_dot_int8<0, 4, 6>();
        tile_store<0>(tile[0], 64);
        if constexpr (kScales == 2) {
          tile_zero<1>();
          tile_load<5>(x.q + 32 * block + 16, x.q_stride);
          tile_load<7>(words + 512 * block + 256, 64);
          tile_dot_int8<1, 5, 7>();
          tile_store<1>(tile[1], 64);
        }
        F32 d[kScales];
        Unpack::template scales<kChunk>(group.plane, unit, 0, d);
        [[maybe_unused]] F32 minimum;
        if constexpr (kHasMinimum<Unpack>)
          minimum = Unpack::template minimum<kChunk>(group.plane, unit, 0);
#pragma GCC unroll 16
        for (int c = 0; c < 16; ++c) {
          F32 sum = to_float(load_integers(tile[0][c])) * d[0];
          if constexpr (kScales == 2) sum = fmadd(to_float(load_integers(tile[1][c])), d[1], sum);
          if constexpr (kHasMinimum<Unpack>) sum = fmadd(minimum, all(x.sum[16 * block + c]), sum);
          acc[c] = fmadd(sum, all(x.scale[16 * block + c]), acc[c]);
        }
      });
    }
#pragma GCC unroll 16
    for (int c = 0; c < 16; ++c) result[c] = acc[c];
  }

  template <int kMats>
  static void run(const Job& job) {
    const std::int64_t q_stride = job.k + 64;
    const std::int64_t blocks = job.k / 32;
    const std::int64_t padded = whole_tiles(std::min(job.n, kColumnsLaidOut));
    const std::int64_t q_bytes = padded * q_stride;
    const std::int64_t factor_bytes = padded * blocks * 4;
    const std::int64_t word_bytes = 16 * job.k;
    const std::int64_t block = std::max<std::int64_t>(1, kBlockBytes / (kMats * word_bytes));
    std::byte* memory = scratch(q_bytes + 2 * factor_bytes + (kInPlace ? 0 : block * kMats * word_bytes));
    auto* q = reinterpret_cast<std::int8_t*>(memory);
    auto* scale = reinterpret_cast<float*>(memory + q_bytes);
    auto* sum = reinterpret_cast<float*>(memory + q_bytes + factor_bytes);
    std::byte* words = memory + q_bytes + 2 * factor_bytes;
    static constexpr TileShapes kShapes = [] {
      TileShapes shapes;
      for (const int tile : {0, 1}) shapes.set(tile, 16, 64);
      for (const int tile : {4, 5}) shapes.set(tile, 16, 32 / kScales);
      for (const int tile : {6, 7}) shapes.set(tile, 8 / kScales, 64);
      return shapes;
    }();
    tile_shapes(kShapes);
    for (Range columns = {0, 0}; columns.begin < job.n; columns.begin = columns.end) {
      columns.end = std::min(columns.begin + kColumnsLaidOut, job.n);
      lay_out(job, columns, q, q_stride, scale, sum);
      for (Range rows = {job.row_begin, 0}; rows.begin < job.row_end; rows.begin = rows.end) {
        rows.end = std::min(rows.begin + 16 * block, job.row_end);
        block_of_rows<kMats>(job, rows, columns, {q, q_stride, scale, sum}, words);
      }
    }
    tile_release();
  }

  template <int kMats>
  [[gnu::noinline]] static void block_of_rows(const Job& job, Range rows, Range columns, const Columns& x,
                                              std::byte* unpacked) {
    const std::int64_t word_bytes = 16 * job.k;
    const auto packed = [&](int mat, std::int64_t row) { return job.w[mat] + row / 16 * job.group_bytes; };
    const auto words = [&](int mat, std::int64_t row) -> const std::byte* {
      return kInPlace ? packed(mat, row) : unpacked + ((row - rows.begin) / 16 * kMats + mat) * word_bytes;
    };
    if constexpr (!kInPlace) {
      for (std::int64_t row = rows.begin; row < rows.end; row += 16) {
        for (int mat = 0; mat < kMats; ++mat)
          unpack(packed(mat, row), job.k, const_cast<std::byte*>(words(mat, row)));
      }
    }
    for (std::int64_t c = columns.begin; c < columns.end; c += 16) {
      const std::int64_t tile = c - columns.begin;
      const Columns at = {x.q + tile * x.q_stride, x.q_stride, x.scale + tile * (job.k / 32),
                          x.sum + tile * (job.k / 32)};
      for (std::int64_t row = rows.begin; row < rows.end; row += 16) {
        F32 result[kMats][16];
        for (int mat = 0; mat < kMats; ++mat)
          multiply(packed(mat, row), words(mat, row), job.k, at, result[mat]);
        for (std::int64_t i = 0; i < std::min<std::int64_t>(16, columns.end - c); ++i) {
          write_rows<kMats>(job, row, c + i, result[0][i], result[kMats - 1][i]);
        }
      }
    }
  }
};
