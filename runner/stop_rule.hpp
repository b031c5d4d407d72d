// When a metric has enough samples.
#pragma once

#include <cstdint>
#include <span>

#include "core/trial.hpp"

namespace oldiron {

enum class Stop : std::uint8_t {
  go_on,
  precise,  ///< the interval is narrow enough
  count,    ///< the most samples are taken
  time,     ///< the next sample would end after the deadline
};

struct StopRule {
  double relative_half_width = 0.01;  ///< of the 95 % interval of the median
  int min_samples = 3;
  int max_samples = 10;
  double seconds = 0;  ///< 0: no limit

  static StopRule of(const Budget& budget);
};

/// Asked after each sample; `elapsed_s` is what they took together. Time ends a metric even below
/// min_samples, for one sample is better than none, but never before the first.
Stop stop(const StopRule& rule, std::span<const double> samples, double elapsed_s);

}  // namespace oldiron
