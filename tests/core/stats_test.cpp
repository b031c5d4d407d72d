// Expected values were computed in Python by enumeration and exact fractions.
#include "core/stats.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include <numeric>
#include <random>

namespace oldiron::stats_test {
namespace {

/// 1, 2 .. n, in an order that is not sorted.
std::vector<double> one_to(int n) {
  std::vector<double> samples(static_cast<std::size_t>(n));
  std::iota(samples.begin(), samples.end(), 1.0);
  std::rotate(samples.begin(), samples.begin() + n / 3, samples.end());
  return samples;
}

TEST(Stats, MedianOfOddAndEvenCounts) {
  EXPECT_EQ(median(std::vector<double>{3, 1, 2}), 2);
  EXPECT_EQ(median(std::vector<double>{4, 1, 2, 3}), 2.5);
  EXPECT_EQ(median(std::vector<double>{7}), 7);
}

TEST(Stats, MedianIntervalTakesTheRightOrderStatistics) {
  // n and the order whose exact binomial coverage is the least that reaches 95 %; below 6 it is the whole
  // range.
  const std::pair<int, int> expected[] = {{1, 1},   {2, 1},    {5, 1},      {6, 1},      {8, 1},
                                          {9, 2},   {10, 2},   {15, 4},     {20, 6},     {25, 8},
                                          {50, 18}, {100, 40}, {1000, 469}, {3000, 1446}};
  for (const auto& [n, order] : expected) {
    const Interval interval = median_interval(one_to(n));
    EXPECT_EQ(interval.low, order) << n;
    EXPECT_EQ(interval.high, n + 1 - order) << n;
  }
}

TEST(Stats, PairedRatioOfAConstantFactorIsExact) {
  const std::vector<double> b = {2, 4, 8, 16, 32, 64}, a = {3, 6, 12, 24, 48, 96};
  EXPECT_EQ(paired_ratio(a, b), (Ratio{1.5, {1.5, 1.5}}));
}

TEST(Stats, PairedRatioIsInsideItsPairsAndRepeats) {
  const std::vector<double> a = {10, 11, 12, 10.5, 11.5, 30}, b = {10, 10, 10, 10, 10, 10};
  const Ratio ratio = paired_ratio(a, b);
  EXPECT_DOUBLE_EQ(ratio.median, 1.125);
  EXPECT_GE(ratio.interval.low, 1.0);
  EXPECT_LT(ratio.interval.low, 1.1);
  EXPECT_GT(ratio.interval.high, 1.15);
  EXPECT_LT(ratio.interval.high, 3.0) << "one outlier of six must not be the bound";
  EXPECT_EQ(paired_ratio(a, b), ratio);
}

TEST(Stats, MannWhitneyIsExactForSmallSamplesWithAndWithoutTies) {
  const auto p = [](std::vector<double> a, std::vector<double> b) { return mann_whitney_p(a, b); };
  EXPECT_NEAR(p({1, 2, 3}, {4, 5, 6}), 0.1, 1e-12);
  EXPECT_NEAR(p({1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}), 0.007936507936507936, 1e-12);
  EXPECT_NEAR(p({1.1, 2.5, 3, 7.25}, {2.5, 6, 8, 9, 9}), 0.1349206349206349, 1e-12);
  EXPECT_NEAR(p({1, 4, 2, 8, 5}, {7, 1, 8, 2, 8, 1, 8}), 0.7272727272727273, 1e-12);
  EXPECT_NEAR(p({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, {3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5, 12.5}),
              0.10512243174781874, 1e-12);
  EXPECT_EQ(p({5, 5}, {5, 5, 5}), 1);
  EXPECT_EQ(p({}, {1, 2}), 1);
}

TEST(Stats, MannWhitneyApproximatesLargeSamples) {
  std::vector<double> a, b;
  for (int i = 0; i < 12; ++i) a.push_back(i * 7 % 13);
  for (int i = 0; i < 14; ++i) b.push_back(i * 5 % 17 + 2);
  EXPECT_NEAR(mann_whitney_p(a, b), 0.047374143809902014, 1e-12);
  EXPECT_DOUBLE_EQ(mann_whitney_p(b, a), mann_whitney_p(a, b));
  EXPECT_EQ(mann_whitney_p(std::vector<double>(15, 1.0), std::vector<double>(15, 1.0)), 1);
}

TEST(Stats, MeanIntervalIsStudents) {
  // scipy.stats.t.interval(0.95, 4, 3.0, 0.7071067811865476) = 1.0367568385, 4.9632431615
  const std::vector<double> five = {1, 2, 3, 4, 5};
  EXPECT_DOUBLE_EQ(mean(five), 3);
  EXPECT_NEAR(mean_interval(five).low, 1.03676, 5e-4);
  EXPECT_NEAR(mean_interval(five).high, 4.96324, 5e-4);
  EXPECT_EQ(mean_interval(std::vector<double>{7}), (Interval{7, 7}));
  // 60 degrees of freedom: 2.00030 standard errors.
  std::vector<double> many;
  for (int i = 0; i < 61; ++i) many.push_back(i % 2);
  const double share = 30.0 / 61, error = std::sqrt(share * (1 - share) * 61.0 / 60 / 61);
  EXPECT_NEAR(mean_interval(many).high, share + 2.00030 * error, 2e-4);
}

TEST(Stats, NextIntervalIsThePredictionOfOneMoreRun) {
  // Two groups of two: variance (0.1^2/2 + 0.2^2/2) / 2, t of 2 degrees 4.303, one more of two runs: sqrt(3/2).
  const std::vector<std::vector<double>> groups = {{10, 10 * std::exp(0.1)}, {20, 20 * std::exp(0.2)}, {7}};
  const double reach = 4.303 * std::sqrt(0.0125) * std::sqrt(1.5);
  const auto next = next_interval(groups, 0);
  ASSERT_TRUE(next);
  EXPECT_NEAR(next->low, 10 * std::exp(0.05 - reach), 1e-9);
  EXPECT_NEAR(next->high, 10 * std::exp(0.05 + reach), 1e-9);
  // A group of one run borrows the others' spread, and is less certain of its middle.
  EXPECT_NEAR(next_interval(groups, 2)->high, 7 * std::exp(4.303 * std::sqrt(0.0125) * std::sqrt(2.0)), 1e-9);
}

TEST(Stats, CentreIntervalIsNarrowerByTheRunItself) {
  const std::vector<std::vector<double>> groups = {{10, 10 * std::exp(0.1)}, {20, 20 * std::exp(0.2)}, {7}};
  EXPECT_NEAR(centre_interval(groups, 0)->high, 10 * std::exp(0.05 + 4.303 * std::sqrt(0.0125) * std::sqrt(0.5)), 1e-9);
  EXPECT_NEAR(centre_interval(groups, 2)->low, 7 * std::exp(-4.303 * std::sqrt(0.0125)), 1e-9);
}

TEST(Stats, NextIntervalNeedsTwoDegreesOfFreedom) {
  const std::vector<std::vector<double>> groups = {{10, 11}, {20}};
  EXPECT_FALSE(next_interval(groups, 0));
}

TEST(Stats, NextIntervalHoldsNineteenOfTwentyRuns) {
  std::mt19937 random(1);
  std::normal_distribution<double> start(0, 0.05);
  int inside = 0;
  constexpr int kTimes = 4000;
  for (int i = 0; i < kTimes; ++i) {
    std::vector<std::vector<double>> groups(3);
    for (std::size_t g = 0; g < 3; ++g)
      for (int run = 0; run < 3; ++run) groups[g].push_back((10.0 + static_cast<double>(g)) * std::exp(start(random)));
    const double next = 10 * std::exp(start(random));
    const Interval interval = *next_interval(groups, 0);
    inside += next >= interval.low && next <= interval.high ? 1 : 0;
  }
  EXPECT_NEAR(inside / double{kTimes}, 0.95, 0.015);
}

TEST(Stats, ShareIntervalIsWilsons) {
  // Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29.
  const auto near = [](int yes, int n, double low, double high) {
    const Interval interval = share_interval(static_cast<double>(yes) / n, static_cast<std::size_t>(n));
    EXPECT_NEAR(interval.low, low, 5e-5) << yes << "/" << n;
    EXPECT_NEAR(interval.high, high, 5e-5) << yes << "/" << n;
  };
  near(81, 263, 0.2553, 0.3662);
  near(15, 148, 0.0624, 0.1605);
  near(0, 20, 0.0000, 0.1611);
  near(1, 29, 0.0061, 0.1718);
}

}  // namespace
}  // namespace oldiron::stats_test
