// Included into an ISA's region, after math.inl: one product as the bodies see it, and what all of them share.

// One product, whatever its argument struct; w[1] only if gated.
struct Job {
  const std::byte* w[2] = {};
  std::int64_t group_bytes = 0, k = 0, n = 0, row_begin = 0, row_end = 0;
  Activations x;
  const std::int32_t* x_columns = nullptr;
  const std::int32_t* y_columns = nullptr;
  float* y = nullptr;
  std::int64_t y_stride = 0;
  Activation activation = Activation::gelu_tanh;

  WORD std::int64_t x_column(std::int64_t c) const { return x_columns != nullptr ? x_columns[c] : c; }

  WORD std::int64_t y_column(std::int64_t c) const { return y_columns != nullptr ? y_columns[c] : c; }
};

template <class Args>
WORD Job job_of(const Args& a, const std::byte* first, const std::byte* second,
                [[maybe_unused]] std::int64_t rows) {
  DCHECK(a.row_begin % 16 == 0 && (a.row_end % 16 == 0 || a.row_end == rows), "rows come in groups of 16");
  return {.w = {first, second},
          .group_bytes = 16 * row_bytes(a.type, a.k),
          .k = a.k,
          .n = a.n,
          .row_begin = a.row_begin,
          .row_end = a.row_end,
          .x = a.x,
          .x_columns = a.x_column,
          .y_columns = a.y_column};
}

WORD Job job_of(const MatmulArgs& a) {
  Job job = job_of(a, a.w, nullptr, a.m);
  job.y = a.y;
  job.y_stride = a.y_stride;
  return job;
}

WORD Job job_of(const GatedArgs& a) {
  Job job = job_of(a, a.gate, a.up, a.width);
  job.y = a.h;
  job.y_stride = a.h_stride;
  job.activation = a.activation;
  return job;
}

// What is written: of two matrices, one gated by the other.
template <int kMats>
WORD F32 joined(const Job& job, F32 first, F32 second) {
  if constexpr (kMats == 1) return first;
  else return gated_by(job.activation, first, second);
}

// f(first, size) for tiles of [0, columns) of at most `most`, whose sizes differ by one at most.
template <class F>
WORD void even_tiles(std::int64_t columns, std::int64_t most, F f) {
  const std::int64_t tiles = (columns + most - 1) / most;
  std::int64_t first = 0;
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t size = columns / tiles + (tile < columns % tiles ? 1 : 0);
    f(first, size);
    first += size;
  }
}

// f.operator()<index>(), unrolled.
template <int kCount, class F>
WORD void unrolled(F f) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (f.template operator()<i>(), ...);
  }
  (std::make_integer_sequence<int, kCount>{});
}
