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
  product_of<Policy, 1>(job_of(a));
}

template <class Policy>
void gated(const GatedArgs& a) {
  DCHECK(a.layout == kPolicyLayout<Policy> && a.type == Policy::kType,
         "this row of the table serves another type or layout");
  product_of<Policy, 2>(job_of(a));
}
