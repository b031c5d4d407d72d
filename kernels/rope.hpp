// The angles by which RoPE rotates, with the divisors of rope_freqs and the scalings for long contexts.
#pragma once

#include <cstdint>
#include <vector>

#include "core/model.hpp"

namespace oldiron {

/// Of all layers that rotate alike.
struct RopeAngles {
  std::vector<double> per_position;  ///< radians, per pair; double: a float product is off by 0.01 at 262143
  double magnitude = 1;              ///< of cosines and sines

  /// Shapes: cos, sin [pairs].
  void at(std::int64_t position, float* cos, float* sin) const;
};

/// `divisors`: of each pair's angle, or nullptr.
/// Source of YaRN: Peng et al., YaRN: Efficient Context Window Extension of Large Language Models, 2023, with whole
/// pairs as the limits of its ramp, as in ggml.
RopeAngles rope_angles(const LayerSpec& layer, const RopeScaling& scaling, const float* divisors);

/// Brings pairs (2 i, 2 i + 1) of a head to (i, i + n_rot / 2). Needs: n_rot <= 1024.
void separate_pairs(float* head, std::int64_t n_rot);

}  // namespace oldiron
