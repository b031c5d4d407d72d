// The stop rule, a pure function of the samples.
#include "runner/stop_rule.hpp"

#include <cmath>

#include "core/stats.hpp"

namespace oldiron {

StopRule StopRule::of(const Budget& budget) {
  StopRule rule;
  rule.min_samples = budget.min_samples;
  rule.max_samples = budget.max_samples;
  rule.seconds = budget.seconds;
  return rule;
}

Stop stop(const StopRule& rule, std::span<const double> samples, double elapsed_s) {
  const auto count = static_cast<int>(samples.size());
  if (count == 0) return Stop::go_on;
  if (count >= rule.max_samples) return Stop::count;
  if (count >= rule.min_samples) {
    const Interval interval = median_interval(samples);
    // A NaN compares false: it never counts as precise.
    if (interval.high - interval.low <= 2 * rule.relative_half_width * std::abs(median(samples)))
      return Stop::precise;
  }
  if (rule.seconds > 0 && elapsed_s + elapsed_s / count > rule.seconds) return Stop::time;
  return Stop::go_on;
}

}  // namespace oldiron
