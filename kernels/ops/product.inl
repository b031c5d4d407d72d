// Included into an ISA's region: the frame of every product. A policy multiplies one group of 16 rows
// (packed, or fewer plain ones) by a tile of columns; here are the loops around it and the writing of
// results.

// A group of 16 rows as a policy sees it.
struct Rows {
  const std::byte* group;
  std::int64_t group_bytes, k;
  bool prefetch;  // the group comes from memory: fetch ahead
  int count;      // rows that there are; a packed group is padded
};

template <class Policy>
constexpr Layout kPolicyLayout = [] {
  if constexpr (requires { Policy::kLayout; }) return Policy::kLayout;
  else return Layout::r16;
}();

// Writes a tile's results [mat][part][column]; of two matrices, activation(first) * second.
template <int kMats>
[[gnu::noinline]] void write_tile(const Job& job, std::int64_t row, std::int64_t first_column, int columns,
                                  const F32* result) {
  for (int c = 0; c < columns; ++c) {
    const std::int64_t column = job.y_column(first_column + c);
    for (int part = 0; part < kParts; ++part) {
      const F32 y = joined<kMats>(job, result[part * columns + c],
                                  result[((kMats - 1) * kParts + part) * columns + c]);
      const std::int64_t first = row + part * kLanes;
      const std::int64_t left = job.row_end - first;
      if (left > 0)
        store(job.y + column * job.y_stride + first, y, left < kLanes ? static_cast<int>(left) : kLanes);
    }
  }
}

// All groups of a block of rows by one tile of columns, which is laid out once for all of them.
template <class Policy, int kMats, int kColumns>
[[gnu::noinline]] void one_tile(const Job& job, Range rows, std::int64_t first_column, bool prefetch) {
  std::int64_t column[kColumns];
  for (int c = 0; c < kColumns; ++c) column[c] = job.x_column(first_column + c);
  typename Policy::template Columns<kColumns> x;
  const bool one_span = job.k <= Policy::kSpan;
  if (one_span) x.lay_out(job.x, column, {0, job.k});
  for (std::int64_t row = rows.begin; row < rows.end; row += 16) {
    F32 result[kMats][kParts][kColumns];
    for (auto& mat : result) {
      for (auto& part : mat) {
        for (F32& y : part) y = all(0.0F);
      }
    }
    for (std::int64_t begin = 0; begin < job.k; begin += Policy::kSpan) {
      const Range span = {begin, std::min(begin + Policy::kSpan, job.k)};
      if (!one_span) x.lay_out(job.x, column, span);
      for (int mat = 0; mat < kMats; ++mat) {
        const Rows group = {job.w[mat] + row / 16 * job.group_bytes, job.group_bytes, job.k, prefetch,
                            static_cast<int>(std::min<std::int64_t>(16, job.row_end - row))};
        Policy::template multiply<kColumns>(group, x, span, result[mat]);
      }
    }
    write_tile<kMats>(job, row, first_column, kColumns, &result[0][0][0]);
  }
}

template <class Policy, int kMats, int kColumns = Policy::kColumns>
WORD void tile_of(std::int64_t columns, const Job& job, Range rows, std::int64_t first, bool prefetch) {
  if constexpr (kColumns > 0) {
    if (columns == kColumns) return one_tile<Policy, kMats, kColumns>(job, rows, first, prefetch);
    tile_of<Policy, kMats, kColumns - 1>(columns, job, rows, first, prefetch);
  }
}

// A panel of columns whose activations fit half of a 1 MiB L2 (never under 32, so that small n read the
// weights from memory once) by a block of rows that fits the rest beside it, in a 256 KiB L2 nearly: inside,
// tiles keep their columns in L1 while the block's weights pass.
template <class Policy, int kMats>
void product(const Job& job) {
  constexpr std::int64_t kPanelBytes = 512 << 10;
  constexpr std::int64_t kBlockBytes = 192 << 10;
  const std::int64_t fitting =
      kPanelBytes / (job.k * Policy::kActivationBytes) / Policy::kColumns * Policy::kColumns;
  const std::int64_t panel = std::max<std::int64_t>(fitting, 32);
  for (std::int64_t begin = 0; begin < job.n; begin += panel) {
    const std::int64_t columns = std::min(panel, job.n - begin);
    const std::int64_t groups = columns <= Policy::kColumns
                                    ? job.row_end
                                    : std::max<std::int64_t>(1, kBlockBytes / (kMats * job.group_bytes));
    for (Range rows = {job.row_begin, 0}; rows.begin < job.row_end; rows.begin = rows.end) {
      rows.end = std::min(rows.begin + 16 * groups, job.row_end);
      even_tiles(columns, Policy::kColumns, [&](std::int64_t first, std::int64_t size) {
        tile_of<Policy, kMats>(size, job, rows, begin + first, first == 0);
      });
    }
  }
}
