// How fast a team multiplies when nothing comes from memory: the witness beside a prefill.
#pragma once

#include <cstdint>
#include <vector>

#include "core/team.hpp"
#include "kernels/quantised.hpp"
#include "kernels/weights.hpp"

namespace oldiron {

/// Some rows of the model's largest matrix times 48 columns, again and again: nothing is waited for. The instruction
/// alone (kernels/peak.hpp) hardly notices who shares a core; this mix does as prefill
/// does (docs/decisions.md).
class MultiplyRoof {
 public:
  /// Touches all its memory. Throws Error if the model has no matrix in a layer.
  MultiplyRoof(const Weights& weights, Team& team);

  /// Additions and multiplications per second of `threads` ranks together, the mean of `seconds` on each.
  double ops_per_s(int threads, double seconds);

  const Matrix& matrix() const { return matrix_; }

 private:
  struct Lane {
    std::vector<float> y;  ///< [columns][rows]
    double ops_per_s = 0;
  };

  Matrix matrix_;
  Team& team_;
  std::int64_t rows_ = 0;
  std::vector<float> x_;  ///< [columns][k]
  Quantised quantised_;   ///< the same, if the matrix reads int8
  std::vector<Lane> lanes_;  ///< per rank
};

}  // namespace oldiron
