// Expected values were computed in Python by enumeration and exact fractions.
#include "core/stats.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace oldiron {
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

}  // namespace
}  // namespace oldiron
