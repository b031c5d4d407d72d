// Robust statistics of small samples.
#include "core/stats.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "core/check.hpp"

namespace oldiron {
namespace {

constexpr double kTail = 0.025;   // of a two-sided 95 % interval
constexpr int kResamples = 4000;  // the 2.5 % points then rest on 100 resamples each side
constexpr std::uint64_t kBootstrapSeed = 20;

constexpr double kNormalQuantile = 1.959964;

/// The 97.5 % point of Student's t. Source: its tables up to 30 degrees of freedom, above them the first term of
/// the expansion around the normal point (Abramowitz & Stegun 26.7.5), good to 0.1 %.
double t_quantile(std::size_t freedom) {
  constexpr double kTable[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                               2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                               2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
  if (freedom <= std::size(kTable)) return kTable[freedom - 1];
  return kNormalQuantile + (std::pow(kNormalQuantile, 3) + kNormalQuantile) / (4 * static_cast<double>(freedom));
}

double median_of_sorted(std::span<const double> sorted) {
  const std::size_t n = sorted.size();
  return n % 2 == 1 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

std::vector<double> sorted_copy(std::span<const double> samples) {
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

/// Largest r with P(B <= r - 1) <= 2.5 % for B ~ Binomial(n, 1/2): the interval runs from the r-th smallest
/// to the r-th largest. 0 if there is none. Summed through logarithms, so that a large n does not underflow.
std::size_t order_of_interval(std::size_t n) {
  double log_term = -static_cast<double>(n) * std::log(2.0);
  double cumulated = 0;
  for (std::size_t i = 0; i < n; ++i) {
    cumulated += std::exp(log_term);
    if (cumulated > kTail) return i;
    log_term += std::log(static_cast<double>(n - i) / static_cast<double>(i + 1));
  }
  return n / 2;
}

/// Twice the mid-rank of each pooled sample (so that ties stay whole numbers), a's first; `ties` gets sum of
/// t^3 - t.
std::vector<int> doubled_ranks(std::span<const double> a, std::span<const double> b, double& ties) {
  std::vector<double> pooled(a.begin(), a.end());
  pooled.insert(pooled.end(), b.begin(), b.end());
  const std::vector<double> sorted = sorted_copy(pooled);
  std::vector<int> ranks;
  for (double x : pooled) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), x);
    ranks.push_back(static_cast<int>(first - sorted.begin()) + 1 + static_cast<int>(last - sorted.begin()));
  }
  ties = 0;
  for (std::size_t i = 0; i < sorted.size();) {
    std::size_t end = i;
    while (end < sorted.size() && sorted[end] == sorted[i]) ++end;
    const double t = static_cast<double>(end - i);
    ties += t * t * t - t;
    i = end;
  }
  return ranks;
}

/// P(|S - mean| >= |observed - mean|) over all choices of n_a of the ranks, S their sum.
double exact_p(const std::vector<int>& ranks, std::size_t n_a, int observed) {
  int total = 0;
  for (int rank : ranks) total += rank;
  const std::size_t sums = static_cast<std::size_t>(total) + 1;
  std::vector<std::vector<double>> count(n_a + 1, std::vector<double>(sums, 0.0));
  count[0][0] = 1;
  for (int rank : ranks) {
    for (std::size_t chosen = n_a; chosen-- > 0;) {
      for (std::size_t sum = sums - static_cast<std::size_t>(rank); sum-- > 0;) {
        count[chosen + 1][sum + static_cast<std::size_t>(rank)] += count[chosen][sum];
      }
    }
  }
  const double mean =
      static_cast<double>(total) * static_cast<double>(n_a) / static_cast<double>(ranks.size());
  const double distance = std::abs(observed - mean);
  double all = 0, extreme = 0;
  for (std::size_t sum = 0; sum < sums; ++sum) {
    all += count[n_a][sum];
    // A hair of slack: the mean may be no whole number, and both sides of it must count alike.
    if (std::abs(static_cast<double>(sum) - mean) >= distance - 1e-9) extreme += count[n_a][sum];
  }
  return extreme / all;
}

/// `runs`: 1 adds the spread of the one run that is asked for, 0 asks for their centre.
std::optional<Interval> pooled_interval(std::span<const std::vector<double>> groups, std::size_t which, double runs) {
  CHECK(which < groups.size() && !groups[which].empty(), "the group that is asked for has a run");
  double squares = 0, centre = 0;
  std::size_t freedom = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].empty()) continue;
    std::vector<double> logs;
    for (const double value : groups[i]) {
      CHECK(value > 0, "speeds are above 0");
      logs.push_back(std::log(value));
    }
    const double middle = mean(logs);
    for (const double x : logs) squares += (x - middle) * (x - middle);
    freedom += logs.size() - 1;
    if (i == which) centre = middle;
  }
  if (freedom < 2) return {};
  const double spread = std::sqrt(squares / static_cast<double>(freedom));
  const double reach = t_quantile(freedom) * spread * std::sqrt(runs + 1 / static_cast<double>(groups[which].size()));
  return Interval{std::exp(centre - reach), std::exp(centre + reach)};
}

}  // namespace

double median(std::span<const double> samples) {
  CHECK(!samples.empty(), "a median needs a sample");
  return median_of_sorted(sorted_copy(samples));
}

Interval median_interval(std::span<const double> samples) {
  CHECK(!samples.empty(), "an interval needs a sample");
  const std::vector<double> sorted = sorted_copy(samples);
  const std::size_t order = std::max<std::size_t>(order_of_interval(sorted.size()), 1);
  return {sorted[order - 1], sorted[sorted.size() - order]};
}

double mean(std::span<const double> samples) {
  CHECK(!samples.empty(), "a mean needs a sample");
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

Interval mean_interval(std::span<const double> samples) {
  const double centre = mean(samples);
  if (samples.size() == 1) return {centre, centre};
  double squares = 0;
  for (const double x : samples) squares += (x - centre) * (x - centre);
  const std::size_t freedom = samples.size() - 1;
  const double half = t_quantile(freedom) * std::sqrt(squares / static_cast<double>(freedom) / static_cast<double>(samples.size()));
  return {centre - half, centre + half};
}

std::optional<Interval> next_interval(std::span<const std::vector<double>> groups, std::size_t which) {
  return pooled_interval(groups, which, 1);
}

std::optional<Interval> centre_interval(std::span<const std::vector<double>> groups, std::size_t which) {
  return pooled_interval(groups, which, 0);
}

Interval share_interval(double share, std::size_t n) {
  CHECK(n > 0, "a share needs a trial");
  const double z2 = kNormalQuantile * kNormalQuantile, count = static_cast<double>(n);
  const double centre = (share + z2 / (2 * count)) / (1 + z2 / count);
  const double half = kNormalQuantile / (1 + z2 / count) * std::sqrt(share * (1 - share) / count + z2 / (4 * count * count));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

Ratio paired_ratio(std::span<const double> a, std::span<const double> b) {
  CHECK(!a.empty() && a.size() == b.size(), "pairs need as many a as b");
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  std::mt19937_64 random(kBootstrapSeed);
  std::vector<double> medians, resample(ratios.size());
  for (int i = 0; i < kResamples; ++i) {
    for (double& x : resample) x = ratios[random() % ratios.size()];
    std::sort(resample.begin(), resample.end());
    medians.push_back(median_of_sorted(resample));
  }
  std::sort(medians.begin(), medians.end());
  const auto cut = static_cast<std::size_t>(kTail * kResamples);
  return {median(ratios), {medians[cut], medians[kResamples - 1 - cut]}};
}

double mann_whitney_p(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return 1;
  double ties = 0;
  const std::vector<int> ranks = doubled_ranks(a, b, ties);
  int observed = 0;
  for (std::size_t i = 0; i < a.size(); ++i) observed += ranks[i];
  if (ranks.size() <= 20) return exact_p(ranks, a.size(), observed);

  const double n_a = static_cast<double>(a.size()), n_b = static_cast<double>(b.size()), n = n_a + n_b;
  const double u = observed / 2.0 - n_a * (n_a + 1) / 2;
  const double variance = n_a * n_b / 12 * (n + 1 - ties / (n * (n - 1)));
  if (variance <= 0) return 1;  // all samples equal
  const double z = std::max(std::abs(u - n_a * n_b / 2) - 0.5, 0.0) / std::sqrt(variance);
  return std::erfc(z / std::sqrt(2.0));
}

}  // namespace oldiron
