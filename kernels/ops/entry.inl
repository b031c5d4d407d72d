// Included into an ISA's region: the functions of the table, which choose the frame.

// Few columns stay in registers as the weights pass; more of them meet weights that are unpacked once.
template <class Policy, int kMats>
void product_of(const Job& job) {
  if constexpr (requires { typename Policy::Format; }) {
    if (job.n > Policy::kColumns && job.k <= kPanelValues)
      return panel_product<typename Policy::Format, kMats>(job);
  }
  product<Policy, kMats>(job);
}

template <class Policy>
void matmul(const MatmulArgs& a) {
  DCHECK(a.layout == kPolicyLayout<Policy> && a.type == Policy::kType,
         "this row of the table serves another type or layout");
  DCHECK(a.row_begin % 16 == 0 && (a.row_end % 16 == 0 || a.row_end == a.m), "rows come in groups of 16");
  product_of<Policy, 1>({.w = {a.w, nullptr},
                         .group_bytes = 16 * row_bytes(a.type, a.k),
                         .k = a.k,
                         .n = a.n,
                         .row_begin = a.row_begin,
                         .row_end = a.row_end,
                         .x = a.x,
                         .x_column = a.x_column,
                         .y_column = a.y_column,
                         .y = a.y,
                         .y_stride = a.y_stride});
}

template <class Policy>
void gated(const GatedArgs& a) {
  DCHECK(a.layout == kPolicyLayout<Policy> && a.type == Policy::kType,
         "this row of the table serves another type or layout");
  DCHECK(a.row_begin % 16 == 0 && (a.row_end % 16 == 0 || a.row_end == a.width), "rows come in groups of 16");
  product_of<Policy, 2>({.w = {a.gate, a.up},
                         .group_bytes = 16 * row_bytes(a.type, a.k),
                         .k = a.k,
                         .n = a.n,
                         .row_begin = a.row_begin,
                         .row_end = a.row_end,
                         .x = a.x,
                         .x_column = a.x_column,
                         .y_column = a.y_column,
                         .y = a.h,
                         .y_stride = a.h_stride,
                         .activation = a.activation});
}
