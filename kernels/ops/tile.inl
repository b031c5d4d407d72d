// Included into an ISA's region, after job.inl: what the products with BF16 or tiles share. They lay their
// columns out anew, in scratch of the thread, and read the columns' values of all rows from there.
static_assert(kParts == 1);

// Columns laid out at a time: enough to make unpacking the weights again for the next ones cheap.
constexpr std::int64_t kColumnsLaidOut = 512;

// Product::run<number of matrices>(job) as a row of the table.
template <class Product>
void tile_matmul(const MatmulArgs& a) {
  DCHECK(a.layout == Layout::r16, "this row of the table serves another layout");
  Product::template run<1>(job_of(a));
}

template <class Product>
void tile_gated(const GatedArgs& a) {
  DCHECK(a.layout == Layout::r16, "this row of the table serves another layout");
  Product::template run<2>(job_of(a));
}

// Writes 16 rows of one column.
template <int kMats>
WORD void write_rows(const Job& job, std::int64_t row, std::int64_t column, F32 first, F32 second) {
  const F32 result = joined<kMats>(job, first, second);
  float* y = job.y + job.y_column(column) * job.y_stride + row;
  if (row + 16 <= job.row_end) return store(y, result);
  float rows[16];
  store(rows, result);
  for (std::int64_t i = 0; i < job.row_end - row; ++i) y[i] = rows[i];
}
