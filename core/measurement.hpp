// Measurement: one metric with all its samples, a robust summary, and what was wrong with it.
#pragma once

#include <string>
#include <vector>

namespace oldiron {

/// Something else that happened on the machine while samples were taken.
struct Disturbed {
  std::string by = {};            ///< its name: "neighbour", "throttled"
  std::string what = {};          ///< "neighbour: other processes used 0.8 CPUs"
  std::vector<int> samples = {};  ///< those that it hit, counted from 0, ascending
  bool operator==(const Disturbed&) const = default;
};

struct Measurement {
  std::string name = {};             ///< "decode_tokens_per_s"
  std::string unit = {};             ///< "tokens/s"
  std::vector<double> samples = {};  ///< all of them, in order of time; nothing is ever thrown away
  double median = 0;
  double low = 0, high = 0;               ///< 95 % interval of the median
  std::vector<std::string> tags = {};     ///< "noisy: steal 4 %", "single sample"
  std::vector<Disturbed> disturbed = {};  ///< empty: nothing was seen, or nobody looked
  bool operator==(const Measurement&) const = default;
};

/// Summarises samples: median and 95 % interval (order statistics for n >= 6, else min and max, which is said
/// in a tag).
Measurement summarise(std::string name, std::string unit, std::vector<double> samples);

/// Keeps what hit which samples, and says each in a tag with what the samples that it hit lost beside the
/// quiet ones, where there are three of both. The tag begins with "noisy" if more than a quarter of the
/// samples were hit: the median of the others stands.
void label(Measurement& measurement, std::vector<Disturbed> disturbed);

/// Puts the samples of a later look at the same metric behind those of the first, each with what hit it.
void append(Measurement& first, const Measurement& later);

/// Tags a metric as noisy that nobody was seen to disturb but that cannot be trusted within `share` of its median: its interval
/// reaches farther, or the medians of its first and its last third of samples lie farther apart.
void tag_unsteady(Measurement& measurement, double share = 0.03);

/// One tag for all that name the same disturbance, "noisy: neighbour: …", with how many different ones there were: a screen
/// that repeats them is not read.
std::vector<std::string> merged_tags(const std::vector<std::string>& tags);

/// A metric whose mean counts: `median` holds the mean, `low` and `high` its 95 % interval (Student's t).
Measurement average(std::string name, std::string unit, std::vector<double> samples);

/// A share of yes (1) among yes and no (0): `median` holds the share, `low` and `high` its 95 % interval
/// (Wilson).
Measurement share_of_outcomes(std::string name, std::string unit, std::vector<double> outcomes);

}  // namespace oldiron
