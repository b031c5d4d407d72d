#include "kernels/rope.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace oldiron {

namespace {

/// The pair that turns so often within `positions`, as a fraction of pairs.
double pair_that_turns(double times, const LayerSpec& layer, double positions) {
  return layer.rope_dimension_count * std::log(positions / (times * 2 * std::numbers::pi)) /
         (2 * std::log(layer.rope_freq_base));
}

}  // namespace

RopeAngles rope_angles(const LayerSpec& layer, const RopeScaling& scaling, const float* divisors) {
  const int n_rot = layer.rope_dimension_count;
  double low = 0, high = 0;
  if (scaling.yarn) {
    const double positions = scaling.original_context_length;
    low = std::max(0.0, std::floor(pair_that_turns(scaling.beta_fast, layer, positions)));
    high = std::min(n_rot - 1.0, std::ceil(pair_that_turns(scaling.beta_slow, layer, positions)));
  }
  RopeAngles out;
  out.magnitude = scaling.magnitude;
  if (scaling.yarn && scaling.factor > 1) out.magnitude *= 1 + 0.1 * std::log(scaling.factor);
  for (int i = 0; i < n_rot / 2; ++i) {
    const double divisor = divisors != nullptr ? static_cast<double>(divisors[i]) : 1.0;
    const double angle = std::pow(layer.rope_freq_base, -2.0 * i / n_rot) / divisor;
    const double squeezed = angle / scaling.factor;
    const double as_trained =  // short waves stay
        scaling.yarn ? 1 - std::clamp((i - low) / std::max(0.001, high - low), 0.0, 1.0) : 0;
    out.per_position.push_back(squeezed + (angle - squeezed) * as_trained);
  }
  return out;
}

void RopeAngles::at(std::int64_t position, float* cos, float* sin) const {
  for (std::size_t i = 0; i < per_position.size(); ++i) {
    const double angle = static_cast<double>(position) * per_position[i];
    cos[i] = static_cast<float>(magnitude * std::cos(angle));
    sin[i] = static_cast<float>(magnitude * std::sin(angle));
  }
}

void separate_pairs(float* head, std::int64_t n_rot) {
  float second[512];
  for (std::int64_t i = 0; i < n_rot / 2; ++i) {
    second[i] = head[2 * i + 1];
    head[i] = head[2 * i];
  }
  std::copy_n(second, n_rot / 2, head + n_rot / 2);
}

}  // namespace oldiron
