#include "runner/stop_rule.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace oldiron::stop_rule_test {
namespace {

const StopRule kRule = {.relative_half_width = 0.01, .min_samples = 3, .max_samples = 10, .seconds = 0};

TEST(StopRule, NeverBeforeTheFirstSample) {
  StopRule rule = kRule;
  rule.seconds = 1;
  EXPECT_EQ(stop(rule, {}, 5), Stop::go_on);
}

TEST(StopRule, NarrowIntervalIsEnough) {
  const std::vector<double> narrow = {100, 100.5, 99.5}, wide = {100, 105, 95}, two = {100, 100};
  EXPECT_EQ(stop(kRule, narrow, 1), Stop::precise);
  EXPECT_EQ(stop(kRule, wide, 1), Stop::go_on);
  EXPECT_EQ(stop(kRule, two, 1), Stop::go_on);  // too few to tell
}

TEST(StopRule, TheEdgeOfTheIntervalCounts) {
  const std::vector<double> within = {99, 100, 101}, beyond = {98.9, 100, 101};
  EXPECT_EQ(stop(kRule, within, 1), Stop::precise);
  EXPECT_EQ(stop(kRule, beyond, 1), Stop::go_on);
}

TEST(StopRule, AnOutlierDoesNotKeepManyGoodSamplesWaiting) {
  // 9 samples: the 95 % interval of the median leaves out the smallest and the greatest.
  const std::vector<double> samples = {100, 100.1, 99.9, 100.2, 99.8, 100, 100.1, 99.9, 50};
  EXPECT_EQ(stop(kRule, samples, 1), Stop::precise);
}

TEST(StopRule, CountEndsIt) {
  const std::vector<double> noisy = {1, 2, 1, 2, 1, 2, 1, 2, 1, 2};
  EXPECT_EQ(stop(kRule, noisy, 1), Stop::count);
  const StopRule once = {.relative_half_width = 0.01, .min_samples = 1, .max_samples = 1};
  EXPECT_EQ(stop(once, std::vector<double>{1}, 1), Stop::count);
}

TEST(StopRule, TimeEndsItBeforeTheDeadlineIsBroken) {
  StopRule rule = kRule;
  rule.seconds = 10;
  const std::vector<double> noisy = {1, 2, 3};
  EXPECT_EQ(stop(rule, noisy, 7), Stop::go_on);   // the fourth would end at 9.3 s
  EXPECT_EQ(stop(rule, noisy, 7.6), Stop::time);  // at 10.1 s
  EXPECT_EQ(stop(rule, std::vector<double>{1}, 6), Stop::time);
}

TEST(StopRule, NonsenseIsNeverPrecise) {
  const std::vector<double> broken = {std::nan(""), std::nan(""), std::nan("")};
  EXPECT_EQ(stop(kRule, broken, 1), Stop::go_on);
}

TEST(StopRule, ComesFromTheBudget) {
  const StopRule rule = StopRule::of({.seconds = 30, .min_samples = 5, .max_samples = 7});
  EXPECT_EQ(rule.seconds, 30);
  EXPECT_EQ(rule.min_samples, 5);
  EXPECT_EQ(rule.max_samples, 7);
}

}  // namespace
}  // namespace oldiron::stop_rule_test
