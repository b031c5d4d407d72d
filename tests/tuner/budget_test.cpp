// Time and trial limits, the plan, and going on after a death at any trial.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <set>

#include "tests/tuner/surface.hpp"
#include "tuner/journal.hpp"

namespace oldiron::budget_test {
namespace {

Surface uneven(int cores = 4) {
  Surface surface;
  surface.machine = machine_of(cores);
  surface.noise = 0.01;
  surface.decode = [](const Config& config) {
    return (config.decode_threads == 2 ? 12 : 10) * (config.repack == Switch::on ? 1.5 : 1) *
           (1.5 - config.n_experts / 16.0);
  };
  surface.prefill = [](const Config& config) { return config.ubatch == 128 ? 140.0 : 100.0; };
  return surface;
}

TEST(BudgetTest, TimeIsNeverExceeded) {
  for (Engine engine : {Engine::oldiron, Engine::llama_cpp, Engine::ik_llama}) {
    for (double budget_s = 60; budget_s < 2000; budget_s += 37) {
      Surface surface = uneven();
      TuneRequest request = request_for(surface, engine);
      request.fresh_repetitions = false;
      request.budget_s = budget_s;
      const TuneResult result = run(request, surface);
      EXPECT_LE(surface.now_s, budget_s) << to_string(engine);
      EXPECT_DOUBLE_EQ(result.elapsed_s, surface.now_s);
      EXPECT_TRUE(result.lossless.has_value());
      if (result.stopped_by == StoppedBy::done) {
        EXPECT_GT(result.trials.size(), 5U);
      }
    }
  }
}

TEST(BudgetTest, TheAnswersOwnStartIsKeptBack) {
  for (double budget_s = 300; budget_s < 2000; budget_s += 37) {
    Surface surface = uneven();
    TuneRequest request = request_for(surface, Engine::ik_llama);
    request.fresh_repetitions = request.starts_answer = true;
    request.budget_s = budget_s;
    const TuneResult result = run(request, surface);
    const double tuned_s = surface.now_s;
    TrialSpec served = request.base;
    served.config = result.lossless->config;
    surface(served);
    EXPECT_GE(result.own_start_s, surface.now_s - tuned_s) << "what is kept back is enough";
    EXPECT_LE(surface.now_s, budget_s);
    EXPECT_LE(estimate(request, 20, 20).expected_s + estimate(request, 20, 20).own_start_s, budget_s);
  }
}

/// Four prompts of 512 tokens take 80 s of ten minutes there.
TEST(BudgetTest, AWholeModelOnASlowMachineIsStillSearched) {
  Surface surface = uneven();
  surface.bench = true;
  surface.load_s = 10;
  surface.prefill = [](const Config& config) { return config.ubatch == 128 ? 30.0 : 25.0; };
  surface.noise = 0.01;
  TuneRequest request = request_for(surface, Engine::ik_llama);
  request.fresh_repetitions = request.starts_answer = true;
  request.few_samples = 2;
  request.budget_s = 600;
  request.load_s = 20;
  request.trial_s = 40;
  const TuneResult result = run(request, surface);
  EXPECT_EQ(result.lossless->config.repack, Switch::on);
  EXPECT_TRUE(result.lossless->confirmed);
  EXPECT_TRUE(result.lossless->against_default.candidate_wins);
  EXPECT_EQ(result.samples, 2);
  for (const TrialSpec& spec : surface.asked) {
    EXPECT_EQ(spec.budget.min_samples, 2);
    EXPECT_FALSE(spec.budget.warm_up);
  }
  TrialSpec served = request.base;
  served.config = result.lossless->config;
  served.budget = {.min_samples = 2, .warm_up = false};
  surface(served);
  EXPECT_LE(surface.now_s, request.budget_s);
}

TEST(BudgetTest, WhatAShortTuneFindsIsConfirmed) {
  int found = 0;
  for (double budget_s = 313; budget_s < 1500; budget_s += 41) {
    Surface surface = uneven();
    surface.bench = true;
    surface.load_s = 10;
    surface.prefill = [](const Config&) { return 25.0; };
    surface.drag = [&](const TrialSpec&) { return 1 + 0.05 * static_cast<double>(surface.asked.size() % 2); };
    TuneRequest request = request_for(surface, Engine::ik_llama);
    request.fresh_repetitions = request.starts_answer = true;
    request.few_samples = 2;
    request.budget_s = budget_s;
    request.load_s = 20;
    request.trial_s = 40;
    const TuneResult result = run(request, surface);
    if (result.lossless->config == surface.asked.front().config) continue;
    ++found;
    EXPECT_TRUE(result.lossless->confirmed) << budget_s;
  }
  EXPECT_GT(found, 20);
}

TEST(BudgetTest, RoomyBudgetsLookAtEachSettingAsCloselyAsAtTheFirst) {
  Surface surface = uneven();
  surface.bench = true;
  TuneRequest request = request_for(surface, Engine::ik_llama);
  request.few_samples = 2;
  request.budget_s = 3600;
  EXPECT_EQ(run(request, surface).samples, 3);
  for (const TrialSpec& spec : surface.asked) EXPECT_TRUE(spec.budget.warm_up);
}

TEST(BudgetTest, AFirstTrialThatTakesLongerThanGuessedSaysSo) {
  Surface surface = uneven();
  surface.bench = true;
  surface.prefill = [](const Config&) { return 25.0; };
  TuneRequest request = request_for(surface, Engine::ik_llama);
  request.few_samples = 2;
  request.budget_s = 600;
  request.load_s = request.trial_s = 5;
  EXPECT_EQ(run(request, surface).samples, 2);
  EXPECT_EQ(surface.asked.front().budget.min_samples, 3);
  for (std::size_t i = 1; i < surface.asked.size(); ++i) EXPECT_EQ(surface.asked[i].budget.min_samples, 2);
}

TEST(BudgetTest, TwoSamplesThatAgreeByChanceAreNoEffect) {
  int claimed = 0, asked = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Surface surface;  // nothing has any effect
    surface.bench = true;
    surface.noise = 0.03;
    surface.seed = seed;
    TuneRequest request = request_for(surface, Engine::ik_llama);
    request.fresh_repetitions = true;
    request.few_samples = 2;
    request.budget_s = 500;
    const TuneResult result = run(request, surface);
    ASSERT_EQ(result.samples, 2);
    for (const Effect& effect : result.effects) {
      ++asked;
      claimed += effect.verdict == Verdict::helped ? 1 : 0;
    }
  }
  EXPECT_GT(asked, 200);
  EXPECT_LT(claimed, 0.05 * asked);
}

TEST(BudgetTest, RoundsOfFinalsLeaveTimeForThePricesOfLosses) {
  for (double budget_s = 850; budget_s < 4000; budget_s += 47) {
    Surface surface = uneven();
    TuneRequest request = request_for(surface, Engine::oldiron);
    override_axis(request.space, "head_type", "as_is");
    request.base.workload.quality_texts = 12;
    request.base.workload.quality_tokens = 64;
    request.budget_s = budget_s;
    const TuneResult result = run(request, surface);
    for (const LossyChoice& choice : result.lossy_choices) EXPECT_TRUE(choice.quality) << budget_s << " " << choice.changed;
  }
}

TEST(BudgetTest, SingleSamplesTellNoEffect) {
  Surface surface = uneven();
  surface.samples = 1;
  const TuneResult result = run(request_for(surface, Engine::ik_llama), surface);
  ASSERT_FALSE(result.effects.empty());
  for (const Effect& effect : result.effects) EXPECT_EQ(effect.verdict, Verdict::no_effect) << effect.lever;
}

TEST(BudgetTest, TheDefaultRunsWhateverTheBudget) {
  Surface surface = uneven();
  TuneRequest request = request_for(surface);
  request.budget_s = 1;
  const TuneResult result = run(request, surface);
  EXPECT_EQ(result.trials.size(), 1U);
  EXPECT_EQ(result.stopped_by, StoppedBy::budget);
  EXPECT_EQ(result.lossless->config, surface.asked.front().config);
}

TEST(BudgetTest, ASmallBudgetStillConfirmsItsAnswer) {
  Surface surface = uneven();
  TuneRequest request = request_for(surface, Engine::ik_llama);
  request.budget_s = 600;
  const TuneResult result = run(request, surface);
  EXPECT_EQ(result.stopped_by, StoppedBy::budget);
  EXPECT_EQ(result.lossless->config.repack, Switch::on);
  EXPECT_TRUE(result.lossless->confirmed);
}

TEST(BudgetTest, NoRoundOfTheFinalsIsLeftHalfDone) {
  for (double budget_s = 200; budget_s < 2000; budget_s += 41) {
    Surface surface = uneven();
    TuneRequest request = request_for(surface, Engine::ik_llama);
    request.budget_s = budget_s;
    run(request, surface);
    std::map<int, int> of_round;
    for (const TrialSpec& spec : surface.asked)
      if (spec.repetition > 0) ++of_round[spec.repetition];
    for (const auto& [round, trials] : of_round)
      EXPECT_EQ(trials, of_round[1]) << budget_s << " round " << round;
  }
}

TEST(BudgetTest, TrialLimitsHold) {
  for (int limit = 1; limit < 30; ++limit) {
    Surface surface = uneven();
    TuneRequest request = request_for(surface);
    request.max_trials = limit;
    const TuneResult result = run(request, surface);
    EXPECT_LE(surface.asked.size(), static_cast<std::size_t>(limit));
    EXPECT_TRUE(result.lossless.has_value());
    if (limit < 15) {
      EXPECT_EQ(result.stopped_by, StoppedBy::trials) << limit;
    }
    if (limit >= 8) {
      EXPECT_TRUE(result.lossless->confirmed) << limit;
    }
  }
}

TEST(BudgetTest, TrialsFarSlowerThanExpectedAreGivenADeadline) {
  Surface surface = uneven();
  run(request_for(surface), surface);
  EXPECT_EQ(surface.asked.front().budget.seconds, 0) << "nothing is known before the first";
  for (std::size_t i = 1; i < surface.asked.size(); ++i) EXPECT_GE(surface.asked[i].budget.seconds, 30);
}

TEST(BudgetTest, ThePlanNamesTrialsLoadsAndTime) {
  Surface surface = uneven();
  TuneRequest request = request_for(surface);
  request.budget_s = 600;
  const Plan plan = estimate(request, 25, 20);
  EXPECT_EQ(plan.trials.front().stage, "default");
  EXPECT_DOUBLE_EQ(plan.trials.front().expected_s, 45);
  EXPECT_EQ(plan.trials.back().stage, "final");
  EXPECT_LE(plan.expected_s, 600);
  EXPECT_EQ(plan.loads, 1);
  EXPECT_TRUE(surface.asked.empty());
  request.keeps_model = false;
  const Plan loading = estimate(request, 25, 20);
  EXPECT_EQ(loading.loads, static_cast<int>(loading.trials.size()));
}

class ResumeTest : public testing::Test {
 protected:
  ResumeTest()
      : path_((std::filesystem::temp_directory_path() / ("oldiron_resume_" + std::to_string(getpid())))
                  .string()) {
    remove();
  }

  ~ResumeTest() override { remove(); }

  void remove() const {
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + end);
  }

  std::string path_;
};

/// Dies (an exception that nobody expects) at trial `at`, counted over all lives.
TuneResult live(const TuneRequest& request, Surface& surface, Journal& journal, std::size_t at) {
  const Evaluate mortal = [&surface, at](const TrialSpec& spec) {
    if (surface.asked.size() == at) throw std::runtime_error("killed");
    return surface(spec);
  };
  return tune(request, remembered(journal, {"1", "m", "w"}, mortal));
}

void same_answer_after_every_death(const std::string& file, const TuneRequest& request, Surface& surface,
                                   const std::function<void()>& reset) {
  surface.asked.clear();
  const TuneResult whole = run(request, surface);
  const std::size_t trials = surface.asked.size();
  ASSERT_GT(trials, 8U);
  for (std::size_t at = 0; at < trials; ++at) {
    reset();
    surface.asked.clear();
    surface.now_s = 0;
    surface.loaded.reset();
    {
      Journal journal(file);
      EXPECT_THROW(live(request, surface, journal, at), std::runtime_error);
      EXPECT_EQ(journal.all().size(), at);
    }
    surface.loaded.reset();
    Journal journal(file);
    const TuneResult resumed = live(request, surface, journal, trials + 1);
    EXPECT_EQ(resumed.lossless->config, whole.lossless->config) << at;
    EXPECT_EQ(resumed.lossless->decode_tokens_per_s, whole.lossless->decode_tokens_per_s) << at;
    EXPECT_EQ(resumed.lossy.has_value(), whole.lossy.has_value()) << at;
    EXPECT_EQ(surface.asked.size(), trials) << at;
    const std::vector<std::string> keys = path(surface.asked);
    EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), keys.size()) << "something ran twice";
  }
}

TEST_F(ResumeTest, ADeathAtAnyTrialChangesNothing) {
  Surface surface = uneven();
  surface.failure = [](const Config& config) { return config.head_type == HeadType::q8_0 ? "crashed" : ""; };
  TuneRequest request = request_for(surface);
  request.max_trials = 14;
  same_answer_after_every_death(path_, request, surface, [this] { remove(); });
}

TEST_F(ResumeTest, NorUnderATimeBudget) {
  Surface surface = uneven();
  surface.load_s = 0;  // a second life loads once more, which a clock sees
  surface.head_load_s = [](const Config&) { return 0.0; };
  TuneRequest request = request_for(surface);
  request.budget_s = 500;
  same_answer_after_every_death(path_, request, surface, [this] { remove(); });
}

TEST_F(ResumeTest, AFinishedTuneIsAnsweredFromTheJournal) {
  Surface surface = uneven();
  const TuneRequest request = request_for(surface);
  Journal journal(path_);
  const TuneResult first = live(request, surface, journal, 1000);
  const std::size_t ran = surface.asked.size();
  const TuneResult second = live(request, surface, journal, 1000);
  EXPECT_EQ(surface.asked.size(), ran);
  EXPECT_EQ(second.lossless->turn_s, first.lossless->turn_s);
  EXPECT_EQ(second.trials, first.trials);
}

}  // namespace
}  // namespace oldiron::budget_test
