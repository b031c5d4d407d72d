// Included into an ISA's region: quantised products of more columns than fit one tile.
//
// 32 rows by 256 k of weights are unpacked once into L1 and there meet all columns of a panel, tile by tile,
// while the packed weights of the next 32 rows are fetched into L2. Per 32 k and column the float operations
// are those of Quantised::multiply in the same order: a column has the same bits however many others there
// are.
constexpr std::int64_t kPanelRows = 32;
constexpr std::int64_t kPanelK = 256;
constexpr std::int64_t kPanelColumns = 48;  // 48 x 256 int8 and 48 x 32 floats stay in L1 beside the weights
constexpr std::int64_t kPanelValues = 256 << 10;  // of activations: a quarter of a 1 MiB L2

// What a tile fetches while it computes, in equal parts per block: in one go it would fill the queue of
// misses.
struct Ahead {
  const std::byte* at;
  std::int64_t lines;  // per block

  WORD void fetch() {
    for (std::int64_t line = 0; line < lines; ++line) __builtin_prefetch(at + 64 * line, 0, 2);
    at += 64 * lines;
  }
};

// 32 rows by kPanelK as words of dot4 and factors.
template <class Unpack>
struct Panel {
  static constexpr int kVectors = kPanelRows / kLanes;
  static constexpr int kBlocks = kPanelK / 32;

  I8 words[kBlocks][kVectors][8];
  F32 scale[kBlocks][kVectors][Unpack::kScales];
  F32 minimum[kHasMinimum<Unpack> ? kBlocks : 1][kVectors];

  // Blocks [begin, end) of both groups.
  [[gnu::noinline]] void unpack(const Group<Unpack> (&group)[2], std::int64_t begin, std::int64_t end) {
    for (int g = 0; g < 2; ++g) {
      for (std::int64_t unit = begin / Unpack::kChunks; unit < end / Unpack::kChunks; ++unit) {
        unrolled<Unpack::kChunks>([&]<int kChunk>() __attribute__((always_inline)) {
          const std::int64_t block = unit * Unpack::kChunks + kChunk - begin;
#pragma GCC unroll 1
          for (int part = 0; part < kParts; ++part) {
            const int vector = g * kParts + part;
            words_of<Unpack, kChunk>(group[g], unit, part, words[block][vector]);
            Unpack::template scales<kChunk>(group[g].plane, unit, part, scale[block][vector]);
            if constexpr (kHasMinimum<Unpack>)
              minimum[block][vector] = Unpack::template minimum<kChunk>(group[g].plane, unit, part);
          }
        });
      }
    }
  }
};

// The columns of a panel as the tiles read them: span by span, and in it per column kPanelK values and one
// factor of each kind per 32 k.
template <class Unpack>
struct PanelColumns {
  static constexpr int kScales = Unpack::kScales;
  static constexpr int kTile = kScales == 1 ? kPanelTile : kPanelTileOf2;
  static constexpr std::int64_t kBlocks = kPanelK / 32;

  alignas(64) std::int8_t q[kPanelValues];
  float scale[kPanelValues / 32];
  typename Quantised<Unpack>::Start start[kPanelValues / 32 * kScales];  // as Quantised::Columns or Sums say

  // Column `column` of the activations as column c of `columns`.
  void lay_out(const Job& job, std::int64_t column, std::int64_t c, std::int64_t columns) {
    const std::int8_t* values = job.x.q + column * job.x.q_stride;
    const float* scales = job.x.scale + column * job.x.scale_stride;
    const std::int32_t* sums = job.x.sum + column * job.x.sum_stride;
    constexpr int kStart = Quantised<Unpack>::kStart;
    using Start = typename Quantised<Unpack>::Start;
    for (std::int64_t span = 0; span < job.k / 32; span += kBlocks) {
      const std::int64_t at = span * columns + c * kBlocks;
      const std::int64_t length = std::min(kBlocks, job.k / 32 - span);
      std::memcpy(q + 32 * at, values + 32 * span, static_cast<std::size_t>(32 * length));
      std::memcpy(scale + at, scales + span, sizeof *scale * static_cast<std::size_t>(length));
      for (std::int64_t i = 0; i < length * kScales; ++i) {
        const std::int32_t* sum = sums + 2 * span + i * 2 / kScales;
        if constexpr (requires { Sums<Unpack>::start(values); }) {
          start[at * kScales + i] = Sums<Unpack>::start(values + 32 * span + i * 32 / kScales);
        } else {
          start[at * kScales + i] = static_cast<Start>(kStart * (kScales == 1 ? sum[0] + sum[1] : sum[0]));
        }
      }
    }
  }
};

// A block of some of a panel's vectors, and of a tile's columns, as multiply_together() takes them.
template <class Unpack>
struct PanelBlock {
  const Panel<Unpack>& panel;
  int block, first;

  WORD I8 word(int v, int i) const { return panel.words[block][first + v][i]; }

  WORD F32 scale(int v, int s) const { return panel.scale[block][first + v][s]; }

  WORD F32 minimum(int v) const { return panel.minimum[block][first + v]; }
};

template <class Unpack>
struct PanelColumnsBlock {
  using Start = typename Quantised<Unpack>::Start;
  const std::int8_t* values;
  const Start* starts;
  int block;

  WORD const std::int8_t* q(int c) const { return values + c * kPanelK + 32 * block; }

  WORD Start start(int c, int s) const {
    return starts[(c * Panel<Unpack>::kBlocks + block) * Unpack::kScales + s];
  }
};

// One tile by the blocks of a panel: acc [column][32 rows] goes on from what it holds.
template <class Unpack, int kColumns>
[[gnu::noinline]] void multiply_panel(const Panel<Unpack>& panel, int blocks, const std::int8_t* q,
                                      const float* scale, const typename Quantised<Unpack>::Start* start,
                                      float* acc, Ahead& ahead) {
  constexpr int kBlocks = Panel<Unpack>::kBlocks;
#pragma GCC unroll 1
  for (int first = 0; first < Panel<Unpack>::kVectors; first += kPanelVectors) {
    [[maybe_unused]] F32 held[kPanelVectors][kColumns];
    const auto y_at = [&](int v, int c) __attribute__((always_inline)) {
      return acc + c * kPanelRows + (first + v) * kLanes;
    };
    if constexpr (kPanelHoldsFloats) {
#pragma GCC unroll 2
      for (int v = 0; v < kPanelVectors; ++v) {
#pragma GCC unroll 16
        for (int c = 0; c < kColumns; ++c) held[v][c] = load(y_at(v, c));
      }
    }
#pragma GCC unroll 1
    for (int block = 0; block < blocks; ++block) {
      if (first == 0) ahead.fetch();
      F32 sum[kPanelVectors][kColumns];
      multiply_together<Unpack>(PanelBlock<Unpack>{panel, block, first}, PanelColumnsBlock<Unpack>{q, start, block}, sum);
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) {
#pragma GCC unroll 2
        for (int v = 0; v < kPanelVectors; ++v) {
          const F32 x_scale = all(scale[c * kBlocks + block]);
          if constexpr (kPanelHoldsFloats) held[v][c] = fmadd(sum[v][c], x_scale, held[v][c]);
          else store(y_at(v, c), fmadd(sum[v][c], x_scale, load(y_at(v, c))));
        }
      }
    }
    if constexpr (kPanelHoldsFloats) {
#pragma GCC unroll 2
      for (int v = 0; v < kPanelVectors; ++v) {
#pragma GCC unroll 16
        for (int c = 0; c < kColumns; ++c) store(y_at(v, c), held[v][c]);
      }
    }
  }
}

// The tile of `size` columns from `at` on, which is where they lie in x.
template <class Unpack, int kColumns = PanelColumns<Unpack>::kTile>
WORD void panel_tile(std::int64_t size, const Panel<Unpack>& panel, const PanelColumns<Unpack>& x,
                     std::int64_t at, int blocks, float* acc, Ahead& ahead) {
  if constexpr (kColumns > 0) {
    if (size == kColumns) {
      return multiply_panel<Unpack, kColumns>(panel, blocks, x.q + 32 * at, x.scale + at,
                                              x.start + at * Unpack::kScales, acc, ahead);
    }
    panel_tile<Unpack, kColumns - 1>(size, panel, x, at, blocks, acc, ahead);
  }
}

// 32 rows (or the last 16, twice) of one matrix by all columns of a panel.
template <class Unpack>
[[gnu::noinline]] void panel_rows(const std::byte* w, std::int64_t group_bytes, std::int64_t k,
                                  bool has_second, const PanelColumns<Unpack>& x, std::int64_t columns,
                                  Ahead ahead, float* acc) {
  constexpr std::int64_t kBlocks = kPanelK / 32;
  const std::byte* second = w + (has_second ? group_bytes : 0);
  const Group<Unpack> group[2] = {{w, group_bytes, k}, {second, group_bytes, k}};
  Panel<Unpack> panel;
  for (std::int64_t i = 0; i < columns * kPanelRows; i += kLanes) store(acc + i, all(0.0F));
  for (std::int64_t begin = 0; begin < k / 32; begin += kBlocks) {
    const std::int64_t end = std::min<std::int64_t>(begin + kBlocks, k / 32);
    panel.unpack(group, begin, end);
    even_tiles(columns, PanelColumns<Unpack>::kTile, [&](std::int64_t first, std::int64_t size) {
      panel_tile<Unpack>(size, panel, x, begin * columns + first * kBlocks, static_cast<int>(end - begin),
                         acc + first * kPanelRows, ahead);
    });
  }
}

template <class Unpack, int kMats>
[[gnu::noinline]] void panel_product(const Job& job) {
  PanelColumns<Unpack> x;
  float acc[kMats][kPanelColumns * kPanelRows];
  static_assert(sizeof x + sizeof acc + sizeof(Panel<Unpack>) <= kProductStackBytes * 9 / 10,
                "callers touch that much of their stack before anything is timed");
  const std::int64_t blocks = job.k / 32;
  const std::int64_t padded_k = (job.k + kPanelK - 1) / kPanelK * kPanelK;
  const std::int64_t most = std::clamp<std::int64_t>(kPanelValues / padded_k, 1, kPanelColumns);
  for (std::int64_t begin = 0; begin < job.n; begin += most) {
    const std::int64_t columns = std::min(most, job.n - begin);
    const std::int64_t tiles = (columns + PanelColumns<Unpack>::kTile - 1) / PanelColumns<Unpack>::kTile;
    for (std::int64_t c = 0; c < columns; ++c) {
      x.lay_out(job, job.x_column(begin + c), c, columns);
    }
    for (std::int64_t row = job.row_begin; row < job.row_end; row += kPanelRows) {
      const bool has_second = row + 16 < job.row_end;
      const std::int64_t next_bytes =
          std::min<std::int64_t>(2, (job.row_end - row - kPanelRows + 15) / 16) * job.group_bytes;
      const std::int64_t lines = next_bytes > 0 ? next_bytes / 64 / (blocks * tiles) + 1 : 0;
      for (std::int64_t c = 0; c < columns; ++c) {
        const float* y = job.y + job.y_column(begin + c) * job.y_stride + row;
        __builtin_prefetch(y, 1);
        __builtin_prefetch(y + 16, 1);
      }
      for (int mat = 0; mat < kMats; ++mat) {
        const std::byte* w = job.w[mat] + row / 16 * job.group_bytes;
        panel_rows<Unpack>(w, job.group_bytes, job.k, has_second, x, columns,
                           {w + 2 * job.group_bytes, lines}, acc[mat]);
      }
      for (std::int64_t c = 0; c < columns; ++c) {
        for (int g = 0; g <= (has_second ? 1 : 0); ++g) {
          F32 result[kMats * kParts];
          for (int i = 0; i < kMats * kParts; ++i)
            result[i] = load(&acc[i / kParts][c * kPanelRows + g * 16 + i % kParts * kLanes]);
          write_tile<kMats>(job, row + 16 * g, begin + c, 1, result);
        }
      }
    }
  }
}
