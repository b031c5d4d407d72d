// The summary of a metric's samples.
#include "core/measurement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.hpp"
#include "core/stats.hpp"

namespace oldiron {

Measurement summarise(std::string name, std::string unit, std::vector<double> samples) {
  Measurement result{.name = std::move(name), .unit = std::move(unit), .samples = std::move(samples)};
  const std::vector<double>& all = result.samples;
  if (!std::all_of(all.begin(), all.end(), [](double x) { return std::isfinite(x); })) {
    throw Error(fmt::format("a sample of {} is not a finite number: look at the output it was read from",
                            result.name));
  }
  if (all.empty()) {
    result.tags.emplace_back("no samples");
    return result;
  }
  result.median = median(all);
  const Interval interval = median_interval(all);
  result.low = interval.low;
  result.high = interval.high;
  if (all.size() == 1) {
    result.tags.emplace_back("single sample");
  } else if (all.size() < 6) {
    result.tags.push_back(fmt::format("interval is smallest to largest of {} samples", all.size()));
  }
  return result;
}

}  // namespace oldiron
