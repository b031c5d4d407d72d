// Measurement: one metric with all its samples, a robust summary, and what was wrong with it.
#pragma once

#include <string>
#include <vector>

namespace oldiron {

struct Measurement {
  std::string name = {};             ///< "decode_tokens_per_s"
  std::string unit = {};             ///< "tokens/s"
  std::vector<double> samples = {};  ///< all of them, in order of time; nothing is ever thrown away
  double median = 0;
  double low = 0, high = 0;            ///< 95 % interval of the median
  std::vector<std::string> tags = {};  ///< "noisy: steal 4 %", "single sample"
  bool operator==(const Measurement&) const = default;
};

/// Summarises samples: median and 95 % interval (order statistics for n >= 6, else min and max, which is said
/// in a tag).
Measurement summarise(std::string name, std::string unit, std::vector<double> samples);

/// A metric whose mean counts: `median` holds the mean, `low` and `high` its 95 % interval (Student's t).
Measurement average(std::string name, std::string unit, std::vector<double> samples);

/// A share of yes (1) among yes and no (0): `median` holds the share, `low` and `high` its 95 % interval (Wilson).
Measurement share_of_outcomes(std::string name, std::string unit, std::vector<double> outcomes);

}  // namespace oldiron
