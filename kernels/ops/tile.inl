// Included into an ISA's region, after math.inl: what the products with BF16 or tiles share. They lay their
// columns out anew, in scratch of the thread, and read the columns' values of all rows from there.
static_assert(kParts == 1);

// One product, whatever its argument struct; w[1] only if gated.
struct TileJob {
  const std::byte* w[2] = {};
  std::int64_t group_bytes = 0, k = 0, n = 0, row_begin = 0, row_end = 0;
  Activations x;
  const std::int32_t* x_column = nullptr;
  const std::int32_t* y_column = nullptr;
  float* y = nullptr;
  std::int64_t y_stride = 0;
  Activation activation = Activation::gelu_tanh;
};

// Columns laid out at a time: enough to make unpacking the weights again for the next ones cheap.
constexpr std::int64_t kColumnsLaidOut = 512;

template <class Args>
WORD TileJob tile_job(const Args& a, const std::byte* first, const std::byte* second,
                      [[maybe_unused]] std::int64_t rows) {
  DCHECK(a.layout == Layout::r16, "this row of the table serves another layout");
  DCHECK(a.row_begin % 16 == 0 && (a.row_end % 16 == 0 || a.row_end == rows), "rows come in groups of 16");
  return {.w = {first, second},
          .group_bytes = 16 * row_bytes(a.type, a.k),
          .k = a.k,
          .n = a.n,
          .row_begin = a.row_begin,
          .row_end = a.row_end,
          .x = a.x,
          .x_column = a.x_column,
          .y_column = a.y_column};
}

// Product::run<number of matrices>(job) as a row of the table.
template <class Product>
void tile_matmul(const MatmulArgs& a) {
  TileJob job = tile_job(a, a.w, nullptr, a.m);
  job.y = a.y;
  job.y_stride = a.y_stride;
  Product::template run<1>(job);
}

template <class Product>
void tile_gated(const GatedArgs& a) {
  TileJob job = tile_job(a, a.gate, a.up, a.width);
  job.y = a.h;
  job.y_stride = a.h_stride;
  job.activation = a.activation;
  Product::template run<2>(job);
}

// Writes 16 rows of one column; of two matrices, activation(first) * second.
template <int kMats>
WORD void write_rows(const TileJob& job, std::int64_t row, std::int64_t column, F32 first, F32 second) {
  if constexpr (kMats == 2) {
    first = (job.activation == Activation::silu ? silu(first) : gelu_tanh(first)) * second;
  }
  float* y = job.y + (job.y_column != nullptr ? job.y_column[column] : column) * job.y_stride + row;
  if (row + 16 <= job.row_end) return store(y, first);
  float rows[16];
  store(rows, first);
  for (std::int64_t i = 0; i < job.row_end - row; ++i) y[i] = rows[i];
}

// Tiles of at most kMost columns that differ by one at most: f(first, count).
template <class F>
WORD void even_tiles(Range columns, std::int64_t most, F f) {
  const std::int64_t count = columns.end - columns.begin;
  const std::int64_t tiles = (count + most - 1) / most;
  std::int64_t first = columns.begin;
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t size = count / tiles + (tile < count % tiles ? 1 : 0);
    f(first, size);
    first += size;
  }
}
