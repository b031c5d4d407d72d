#include "core/trial.hpp"

#include <gtest/gtest.h>

namespace oldiron::trial_test {
namespace {

std::string key(const TrialSpec& spec) { return trial_key(spec, "oldiron 0.1.0", "machine", "model"); }

TEST(TrialKey, ChangesWithWhatIsMeasured) {
  const TrialSpec spec;
  const auto changed = [&](auto change) {
    TrialSpec other = spec;
    change(other);
    return key(other) != key(spec);
  };
  EXPECT_TRUE(changed([](TrialSpec& s) { s.engine = Engine::ik_llama; }));
  EXPECT_TRUE(changed([](TrialSpec& s) { s.type = "q4_0"; }));
  EXPECT_TRUE(changed([](TrialSpec& s) { s.card_head_type = "q6_k"; }));
  EXPECT_TRUE(changed([](TrialSpec& s) { s.layers = 2; }));
  EXPECT_TRUE(changed([](TrialSpec& s) { s.workload.seed = 2; }));
  EXPECT_TRUE(changed([](TrialSpec& s) { s.repetition = 1; }));
  EXPECT_TRUE(changed([](TrialSpec& s) { s.cold = true; }));
  EXPECT_TRUE(changed([](TrialSpec& s) { s.more_front = {"OMP_PROC_BIND=close"}; }));
  EXPECT_TRUE(changed([](TrialSpec& s) { s.more_flags = {"-muge"}; }));
  for (const Lever& lever : levers()) {
    EXPECT_TRUE(changed([&](TrialSpec& s) {
      const auto& names = lever.domain.names;
      lever.set(s.config, names.empty() ? std::to_string(lever.domain.high) : names.back());
      if (s.config == Config{}) lever.set(s.config, names.front());
    })) << lever.name;
  }
  EXPECT_NE(trial_key(spec, "oldiron 0.1.1", "machine", "model"), key(spec));
  EXPECT_NE(trial_key(spec, "oldiron 0.1.0", "other", "model"), key(spec));
  EXPECT_NE(trial_key(spec, "oldiron 0.1.0", "machine", "other"), key(spec));
}

TEST(TrialKey, DoesNotDependOnBudgetOrOnWhereFilesLie) {
  const TrialSpec spec;
  TrialSpec other = spec;
  other.budget = {.seconds = 5, .min_samples = 1, .max_samples = 2};
  other.engine_dir = "/opt/engine";
  other.model = "/elsewhere/model.gguf";
  EXPECT_EQ(key(other), key(spec));
}

TEST(TrialKey, OfAHurriedTrialKnowsItsSamples) {
  TrialSpec two;
  two.budget = {.min_samples = 2, .warm_up = false};
  TrialSpec three = two;
  three.budget.min_samples = 3;
  EXPECT_NE(key(two), key(TrialSpec{}));
  EXPECT_NE(key(two), key(three));
}

TEST(Trial, FindsAMetric) {
  Trial trial;
  EXPECT_EQ(trial.find(kDecode), nullptr);
  trial.measurements = {summarise(kPrefill, "tokens/s", {1}), summarise(kDecode, "tokens/s", {2})};
  EXPECT_EQ(trial.find(kDecode)->median, 2);
}

TEST(TrialKey, ADraftModelIsPartOfIt) {
  TrialSpec spec;
  const std::string without = trial_key(spec, "v", "m", "f");
  spec.draft_model = "small.gguf";
  EXPECT_NE(trial_key(spec, "v", "m", "f"), without);
}

}  // namespace
}  // namespace oldiron::trial_test
