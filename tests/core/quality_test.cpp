#include "core/quality.hpp"

#include <gtest/gtest.h>

namespace oldiron::quality_test {
namespace {

Trial measured_trial(std::vector<double> loops) {
  Trial trial;
  trial.measurements = {average(kQualityKl, "nats per token", {0.018, 0.021, 0.024}),
                        average(kQualityTop1, "of tokens", {0.96, 0.961, 0.962}),
                        share_of_outcomes(kQualityOwnLoops, "of texts", {0, 0, 0}),
                        share_of_outcomes(kQualityLoops, "of texts", std::move(loops))};
  return trial;
}

TEST(Quality, IsReadFromATrialAndTold) {
  const auto quality = quality_of(measured_trial({0, 0, 0}));
  ASSERT_TRUE(quality);
  EXPECT_EQ(quality->texts, 3);
  EXPECT_EQ(quality->loops, 0);
  EXPECT_EQ(quality_text(*quality), "KL 0.021 (0.014 to 0.028), top-1 96.1 % (95.9 to 96.3)");
}

TEST(Quality, TellsLoopsThatTheModelItselfDoesNotHave) {
  EXPECT_TRUE(
      quality_text(*quality_of(measured_trial({1, 0, 1}))).ends_with(", 2 of 3 texts loop instead of 0"));
}

TEST(Quality, IsNothingWhereNothingWasMeasured) {
  Trial trial;
  EXPECT_FALSE(quality_of(trial));
  trial.measurements = {average(kQualityKl, "nats per token", {}), average(kQualityTop1, "of tokens", {})};
  EXPECT_FALSE(quality_of(trial));
}

}  // namespace
}  // namespace oldiron::quality_test
