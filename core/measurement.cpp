// The summary of a metric's samples.
#include "core/measurement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.hpp"
#include "core/stats.hpp"

namespace oldiron {

namespace {

/// The samples under their name, refused if one is no number.
Measurement with_samples(std::string name, std::string unit, std::vector<double> samples) {
  Measurement result{.name = std::move(name), .unit = std::move(unit), .samples = std::move(samples)};
  if (!std::all_of(result.samples.begin(), result.samples.end(), [](double x) { return std::isfinite(x); })) {
    throw Error(fmt::format("a sample of {} is not a finite number: look at the output it was read from",
                            result.name));
  }
  if (result.samples.empty()) result.tags.emplace_back("no samples");
  if (result.samples.size() == 1) result.tags.emplace_back("single sample");
  return result;
}

}  // namespace

Measurement summarise(std::string name, std::string unit, std::vector<double> samples) {
  Measurement result = with_samples(std::move(name), std::move(unit), std::move(samples));
  const std::vector<double>& all = result.samples;
  if (all.empty()) return result;
  result.median = median(all);
  const Interval interval = median_interval(all);
  result.low = interval.low;
  result.high = interval.high;
  if (all.size() > 1 && all.size() < 6)
    result.tags.push_back(fmt::format("interval is smallest to largest of {} samples", all.size()));
  return result;
}

Measurement average(std::string name, std::string unit, std::vector<double> samples) {
  Measurement result = with_samples(std::move(name), std::move(unit), std::move(samples));
  if (result.samples.empty()) return result;
  result.median = mean(result.samples);
  const Interval interval = mean_interval(result.samples);
  result.low = interval.low;
  result.high = interval.high;
  return result;
}

Measurement share_of_outcomes(std::string name, std::string unit, std::vector<double> outcomes) {
  Measurement result = with_samples(std::move(name), std::move(unit), std::move(outcomes));
  if (result.samples.empty()) return result;
  result.median = mean(result.samples);
  const Interval interval = share_interval(result.median, result.samples.size());
  result.low = interval.low;
  result.high = interval.high;
  return result;
}

}  // namespace oldiron
