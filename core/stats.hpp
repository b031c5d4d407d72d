// Robust statistics of small samples. Sources: Hollander & Wolfe (order-statistic interval of the median,
// Mann-Whitney).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace oldiron {

double median(std::span<const double> samples);

struct Interval {
  double low = 0, high = 0;
  bool operator==(const Interval&) const = default;
};

/// 95 % interval of the median by order statistics; min and max below 6 samples.
Interval median_interval(std::span<const double> samples);

double mean(std::span<const double> samples);

/// 95 % interval of the mean by Student's t; the mean itself for one sample.
Interval mean_interval(std::span<const double> samples);

/// Where one more run of `groups[which]` lands with 95 %: about the mean of its logarithms, with the spread inside groups of
/// runs, which all share, by Student's t. All values above 0. None where no two runs of any group show a spread, or with
/// fewer than two degrees of freedom: t of one reaches from a fifth to five times the value.
/// Source: the prediction interval of one-way ANOVA.
std::optional<Interval> next_interval(std::span<const std::vector<double>> groups, std::size_t which);

/// Where the geometric mean of many more runs of `groups[which]` would lie with 95 %; else as next_interval().
std::optional<Interval> centre_interval(std::span<const std::vector<double>> groups, std::size_t which);

/// 95 % interval of a share seen in n independent trials. Source: Wilson, JASA 22 (1927), 209-212.
Interval share_interval(double share, std::size_t n);

/// Median and 95 % percentile-bootstrap interval of a/b over pairs taken side by side (a[i] with b[i]); fixed
/// seed.
struct Ratio {
  double median = 0;
  Interval interval = {};
  bool operator==(const Ratio&) const = default;
};

Ratio paired_ratio(std::span<const double> a, std::span<const double> b);

/// Two-sided Mann-Whitney p value: exact for n <= 20 in total, normal approximation with tie correction
/// above.
double mann_whitney_p(std::span<const double> a, std::span<const double> b);

}  // namespace oldiron
