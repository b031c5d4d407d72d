#include "kernels/quality/divergence.hpp"

#include <algorithm>
#include <cmath>

#include "core/check.hpp"

namespace oldiron {

Divergence divergence(std::span<const float> reference, std::span<const float> candidate) {
  CHECK(!reference.empty() && reference.size() == candidate.size(), "rows of one vocabulary");
  const auto top_p = std::max_element(reference.begin(), reference.end()),
             top_q = std::max_element(candidate.begin(), candidate.end());
  const double shift_p = double{*top_p}, shift_q = double{*top_q};
  double sum_p = 0, sum_q = 0, cross = 0;  // cross: sum of exp(p - shift_p) ((p - shift_p) - (q - shift_q))
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double p = double{reference[i]} - shift_p, q = double{candidate[i]} - shift_q;
    const double weight = std::exp(p);
    sum_p += weight;
    sum_q += std::exp(q);
    cross += weight * (p - q);
  }
  // Never below zero but by rounding.
  return {std::max(0.0, cross / sum_p - std::log(sum_p) + std::log(sum_q)),
          top_p - reference.begin() == top_q - candidate.begin()};
}

}  // namespace oldiron
