// When a difference is one.
#include "tuner/objective.hpp"

#include <gtest/gtest.h>

namespace oldiron::objective_test {
namespace {

Measurement rate(std::vector<double> samples) { return summarise("r", "tokens/s", std::move(samples)); }

TEST(ObjectiveTest, ATurnIsPromptAndAnswer) {
  const Measurement t = turn(Workload{}, rate({128, 256, 512}), rate({8, 16, 16}));
  EXPECT_DOUBLE_EQ(t.median, 512 / 256.0 + 128 / 16.0);
  EXPECT_DOUBLE_EQ(t.low, 512 / 512.0 + 128 / 16.0);
  EXPECT_DOUBLE_EQ(t.high, 512 / 128.0 + 128 / 8.0);
  EXPECT_EQ(t.samples.size(), 3U);
}

TEST(ObjectiveTest, PoolingKeepsEverySampleAndTheNoiseTags) {
  Measurement noisy = rate({1, 2});
  noisy.tags = {"noisy: steal 4 %"};
  const Measurement all = pooled({rate({3, 4}), noisy});
  EXPECT_EQ(all.samples, (std::vector<double>{3, 4, 1, 2}));
  EXPECT_EQ(std::count(all.tags.begin(), all.tags.end(), "noisy: steal 4 %"), 1);
}

TEST(ObjectiveTest, PoolingKeepsHowAllWereMeasured) {
  Measurement one = rate({1, 2, 3, 4}), other = rate({3, 4, 5, 6});
  one.tags = {"through llama-server", "single sample", "interval is smallest to largest of 4 samples", "under this load: x", "of the first alone"};
  other.tags = {"single sample", "interval is smallest to largest of 4 samples", "under this load: x", "through llama-server"};
  EXPECT_EQ(pooled({one, other}).tags, std::vector<std::string>{"through llama-server"});
}

TEST(ObjectiveTest, AnEffectNeedsAnIntervalBesideOneAndMoreThanNoise) {
  EXPECT_EQ(verdict(quotient(rate({110, 111, 112}), rate({100, 101, 102}))), Verdict::helped);
  EXPECT_EQ(verdict(quotient(rate({100, 101, 102}), rate({110, 111, 112}))), Verdict::hurt);
  EXPECT_EQ(verdict(quotient(rate({100, 110, 120}), rate({90, 101, 105}))), Verdict::no_effect);
  EXPECT_EQ(verdict(quotient(rate({101}), rate({100}))), Verdict::no_effect);
}

TEST(ObjectiveTest, ADuelIsWonByEveryPairAndTheSamples) {
  const std::vector<double> fast = {9.0, 9.1, 9.2, 9.3, 9.1, 9.2},
                            slow = {10.0, 10.1, 10.2, 10.1, 10.3, 10.2};
  EXPECT_TRUE(duel({9.1, 9.2}, {10.1, 10.2}, fast, slow).candidate_wins);
  EXPECT_FALSE(duel({10.1, 10.2}, {9.1, 9.2}, slow, fast).candidate_wins);
  EXPECT_FALSE(duel({9.1, 10.3}, {10.1, 10.2}, fast, slow).candidate_wins) << "one pair says no";
  EXPECT_FALSE(duel({9.1, 9.2}, {10.1, 10.2}, {9.0, 10.4, 9.9, 10.3, 9.1, 10.2}, slow).candidate_wins)
      << "samples do not separate";
  EXPECT_FALSE(duel({}, {}, {}, {}).candidate_wins);
}

TEST(ObjectiveTest, ADuelOfAHairIsNotWon) {
  const std::vector<double> fast = {9.90, 9.91, 9.92, 9.93, 9.91}, slow = {10.0, 10.01, 10.02, 10.01, 10.03};
  EXPECT_FALSE(duel({9.91}, {10.01}, fast, slow).candidate_wins) << "1 % is inside the noise floor";
}

TEST(ObjectiveTest, FewSamplesMustNotOverlapAtAll) {
  EXPECT_TRUE(duel({5, 5}, {10, 10}, {5, 5}, {10, 10}).candidate_wins);
  EXPECT_FALSE(duel({5, 5}, {10, 10}, {5, 10.5}, {10, 10}).candidate_wins);
}

Trial start_of(int ubatch, double decode) {
  Trial trial;
  trial.spec.config.ubatch = ubatch;
  trial.measurements = {summarise(kDecode, "tokens/s", {decode, decode, decode})};
  return trial;
}

TEST(ObjectiveTest, ANextStartIsAsUncertainAsStartsDiffer) {
  // Every process agrees with itself; processes of one configuration differ.
  const std::vector<Trial> trials = {start_of(512, 16), start_of(256, 18), start_of(512, 18), start_of(256, 20), start_of(512, 17)};
  const auto next = next_start(trials, trials[0].spec.config, kDecode);
  ASSERT_TRUE(next);
  EXPECT_LT(next->low, 16);
  EXPECT_GT(next->high, 18);
  EXPECT_FALSE(next_start(trials, trials[0].spec.config, kPrefill)) << "it was not measured";
  EXPECT_FALSE(next_start({trials[0], trials[2]}, trials[0].spec.config, kDecode)) << "two starts show no spread";
}

TEST(ObjectiveTest, BreakEvenIsWhatARoundMustYield) {
  Trial trial;
  EXPECT_TRUE(verify_costs(trial).empty());
  for (int n = 1; n <= 3; ++n)
    trial.measurements.push_back(summarise("verify_s/" + std::to_string(n), "s", {0.1 * (n + 1)}));
  const std::vector<VerifyCost> costs = verify_costs(trial);
  ASSERT_EQ(costs.size(), 3U);
  EXPECT_DOUBLE_EQ(costs[0].break_even_tokens, 1);
  EXPECT_DOUBLE_EQ(costs[2].break_even_tokens, 2);
  EXPECT_EQ(costs[2].tokens, 3);
}

TEST(Objective, MemoryThatBecameFasterProvesNothingOfALever) {
  const Ratio gain{1.31, {1.16, 1.46}};
  EXPECT_EQ(verdict(gain), Verdict::helped);
  EXPECT_EQ(verdict(widened(gain, 61.0 / 45)), Verdict::no_effect);
  EXPECT_EQ(verdict(widened(gain, 45.0 / 61)), Verdict::helped);  // it won although the memory was slower
  const Ratio loss{0.8, {0.75, 0.85}};
  EXPECT_EQ(verdict(widened(loss, 0.7)), Verdict::no_effect);
  EXPECT_EQ(verdict(widened(loss, 1)), Verdict::hurt);
}

TEST(Objective, OfATurnTheLargerOfTwoDriftsCounts) {
  const Ratio gain{1.31, {1.2, 1.4}};
  const Ratio wide = widened(gain, 1.1, 1.25);
  EXPECT_DOUBLE_EQ(wide.interval.low, 1.2 / 1.25);
  EXPECT_DOUBLE_EQ(wide.interval.high, 1.4);
  const Ratio both = widened(gain, 0.8, 1.25);
  EXPECT_DOUBLE_EQ(both.interval.low, 1.2 / 1.25);
  EXPECT_DOUBLE_EQ(both.interval.high, 1.4 / 0.8);
}

}  // namespace
}  // namespace oldiron::objective_test
