#include "core/audit/ablation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace oldiron::ablation_test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Audit audit_of(const std::string& line, Engine engine = Engine::ik_llama) { return judge(read_pasted_line({line}), {.engine = engine}); }

std::vector<std::size_t> all_rows(const Audit& audit) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < audit.rows.size(); ++i) rows.push_back(i);
  return rows;
}

std::vector<std::string> steps_of(const std::string& line, Engine engine = Engine::ik_llama) {
  const Audit audit = audit_of(line, engine);
  std::vector<std::string> texts;
  for (const AblationStep& step : plan_ablation(audit, all_rows(audit)).steps) texts.push_back(step_text(audit, step));
  return texts;
}

TEST(PlanAblation, FollowsTheLine) {
  EXPECT_THAT(steps_of("llama-cli -m m.gguf -c 512 -rtr --temp 0.7 -t 3"), ElementsAre("bare defaults", "-rtr", "-t 3"));
}

TEST(PlanAblation, FlagsThatNeedEachOtherStandTogether) {
  EXPECT_THAT(steps_of("llama-cli -khad -rtr -ctk q8_0"), ElementsAre("bare defaults", "-khad and -ctk q8_0", "-rtr"));
  EXPECT_THAT(steps_of("llama-cli --spec-type draft:n_max=4 -rtr -md d.gguf --spec-autotune"),
              ElementsAre("bare defaults", "--spec-type draft:n_max=4, -md d.gguf and --spec-autotune", "-rtr"));
  EXPECT_THAT(steps_of("llama-cli -ub 1024 -rtr -b 4096"), ElementsAre("bare defaults", "-ub 1024 and -b 4096", "-rtr"));
}

TEST(PlanAblation, IdleFlagsAreOneStepAndTheLast) {
  const Audit audit = audit_of("llama-cli -c 512 -smgs -sas -rtr -ser 4,1 -nkvo --jinja");
  const Ablation plan = plan_ablation(audit, all_rows(audit));
  ASSERT_EQ(plan.steps.size(), 3u);
  EXPECT_EQ(step_text(audit, plan.steps[1]), "-rtr");
  EXPECT_TRUE(plan.steps[2].idle);
  EXPECT_EQ(step_text(audit, plan.steps[2]), "4 flags held for idle");
  EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("in every run, as the context and what is not about speed: -c 512 and --jinja")));
}

/// Steps with speeds of 10 tokens/s times `factor`, each with its own noise, over a drift of 1 % a pass.
Ablation measured(const std::vector<double>& factors, std::size_t passes, double noise, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> spread(1, noise);
  Ablation ablation;
  for (const double factor : factors) {
    AblationStep step;
    for (std::size_t i = 0; i < passes; ++i) {
      const double drift = 1 - 0.01 * static_cast<double>(i);
      step.speeds.push_back({10 * factor * drift * spread(random), 100 * factor * drift * spread(random)});
    }
    ablation.steps.push_back(step);
  }
  return ablation;
}

// Lines of ten flags that do nothing, in 3 % of noise. Five in a hundred may have a flag that looks clear.
TEST(AblationsEffect, NoiseIsNoGain) {
  int lines_with_a_claim = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Ablation ablation = measured(std::vector<double>(11, 1.0), 8, 0.03, seed);
    bool any = ablation_effect(ablation, 10, 0, AblationMetric::decode).clear;
    for (std::size_t i = 1; i < 11; ++i)
      for (const AblationMetric metric : {AblationMetric::decode, AblationMetric::prefill}) any = any || ablation_effect(ablation, i, i - 1, metric).clear;
    lines_with_a_claim += any ? 1 : 0;
  }
  EXPECT_LE(lines_with_a_claim, 5);
}

TEST(AblationsEffect, AGainIsSeenInItsSize) {
  const Ablation ablation = measured({1, 1.2, 1.2, 0.6}, 8, 0.01, 7);
  const AblationEffect gain = ablation_effect(ablation, 1, 0, AblationMetric::decode);
  EXPECT_TRUE(gain.clear);
  EXPECT_NEAR(gain.ratio.median, 1.2, 0.03);
  EXPECT_THAT(effect_text(gain), HasSubstr("+"));
  EXPECT_FALSE(ablation_effect(ablation, 2, 1, AblationMetric::decode).clear);
  EXPECT_THAT(effect_text(ablation_effect(ablation, 2, 1, AblationMetric::decode)), HasSubstr("none seen within"));
  const AblationEffect loss = ablation_effect(ablation, 3, 2, AblationMetric::prefill);
  EXPECT_TRUE(loss.clear);
  EXPECT_THAT(effect_text(loss), HasSubstr("-50 %"));
}

TEST(AblationsEffect, AFewPairsAreNeverClear) {
  EXPECT_FALSE(ablation_effect(measured({1, 2}, 3, 0, 1), 1, 0, AblationMetric::decode).clear);
  EXPECT_TRUE(ablation_effect(measured({1, 2}, 4, 0, 1), 1, 0, AblationMetric::decode).clear);
  EXPECT_EQ(effect_text(ablation_effect(measured({1, 2}, 3, 0, 1), 1, 0, AblationMetric::decode)), "too few pairs (3)");
  EXPECT_EQ(effect_text(ablation_effect(measured({1, 2}, 0, 0, 1), 1, 0, AblationMetric::decode)), "not measured");
}

TEST(AblationsEffect, ANoiseOfTwiceTheSpeedTellsNothing) {
  EXPECT_EQ(effect_text(ablation_effect(measured({1, 1}, 4, 0.3, 2), 1, 0, AblationMetric::decode)), "too noisy to tell");
}

// Student's 97.5 % point for 3 degrees of freedom is 3.182: with one comparison in all, the interval of four ratios.
TEST(AblationsEffect, TheJointIntervalIsStudents) {
  Ablation ablation;
  const double ratios[] = {1.0, 1.1, 1.2, 1.3};
  for (const bool second : {false, true}) {
    AblationStep step;
    for (const double ratio : ratios) step.speeds.push_back({second ? ratio : 1, 0});
    ablation.steps.push_back(step);
  }
  // Two speeds of two steps are 4 comparisons: 0.05 / 2 / 4 on each side, whose point of 3 degrees of freedom is 5.3919.
  const AblationEffect effect = ablation_effect(ablation, 1, 0, AblationMetric::decode);
  std::vector<double> logs;
  for (const double ratio : ratios) logs.push_back(std::log(ratio));
  const double centre = mean(logs);
  double squares = 0;
  for (const double x : logs) squares += (x - centre) * (x - centre);
  EXPECT_NEAR(std::log(effect.joint.high), centre + 5.3919 * std::sqrt(squares / 3 / 4), 1e-3);
}

TEST(TellAblation, EvidenceNamesBothSpeeds) {
  Audit audit = audit_of("llama-cli -rtr -t 3");
  Ablation ablation = measured({1, 1.2, 1.2}, 8, 0.01, 3);
  ablation.steps[1].rows = {0};
  ablation.steps[2].rows = {1};
  tell_ablation(audit, ablation);
  EXPECT_THAT(audit.rows[0].evidence, HasSubstr("A/B says decode +"));
  EXPECT_THAT(audit.rows[1].evidence, HasSubstr("decode none seen within"));
}

}  // namespace
}  // namespace oldiron::ablation_test
