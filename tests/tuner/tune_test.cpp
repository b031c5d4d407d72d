// The loop on synthetic surfaces: finds what there is, keeps its budget, repeats itself exactly.
#include "tuner/tune.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/tuner/surface.hpp"
#include "tuner/prior.hpp"

namespace oldiron::tune_test {
namespace {

TEST(TuneTest, TheDefaultRunsFirstAndWhole) {
  Surface surface = separable();
  const TuneRequest request = request_for(surface);
  const TuneResult result = run(request, surface);
  ASSERT_TRUE(result.default_trial.has_value());
  EXPECT_EQ(surface.asked.front().config, start(request.space, request.machine, request.model));
  EXPECT_GT(surface.asked.front().workload.prompt_tokens, 0);
  EXPECT_GT(surface.asked.front().workload.generate_tokens, 0);
  EXPECT_EQ(result.trials.size(), surface.asked.size());
}

TEST(TuneTest, FindsTheOptimumOfASeparableSurface) {
  Surface surface = separable();
  const TuneResult result = run(request_for(surface), surface);
  ASSERT_TRUE(result.lossless.has_value());
  EXPECT_EQ(result.lossless->config.decode_threads, 4);
  EXPECT_EQ(result.lossless->config.prefill_threads, 8);
  EXPECT_EQ(result.lossless->config.ubatch, 256);
  EXPECT_EQ(result.lossless->config.n_experts, 8);
  EXPECT_TRUE(result.lossless->confirmed);
  EXPECT_TRUE(result.lossless->against_default.candidate_wins);
  EXPECT_EQ(result.stopped_by, StoppedBy::done);
  ASSERT_TRUE(result.lossy.has_value());
  EXPECT_EQ(result.lossy->config.n_experts, 4);
  EXPECT_EQ(result.lossy->config.head_type, HeadType::q4_0);
  EXPECT_EQ(result.lossy->config.decode_threads, 4);
  EXPECT_EQ(result.lossy->quality, "not measured");
}

TEST(TuneTest, AProductOfPhasesIsWalkedAsASum) {
  Surface surface = separable(16);
  TuneRequest request = request_for(surface);
  override_axis(request.space, "n_experts", "8");
  override_axis(request.space, "head_type", "as_is");
  const TuneResult result = run(request, surface);
  std::size_t search = 0;
  for (const TrialSpec& spec : surface.asked) search += spec.repetition == 0 ? 1 : 0;
  // 5 decode threads, 5 x 3 prefill settings; the default serves both, hopeless ones are left out. The
  // product is 75.
  EXPECT_LE(search, 5 + 5 * 3 - 1U);
  EXPECT_EQ(result.lossless->config.decode_threads, 4);
  for (const TrialSpec& spec : surface.asked) {
    if (spec.repetition == 0 && spec != surface.asked.front()) {
      EXPECT_TRUE(spec.workload.prompt_tokens == 0 || spec.workload.generate_tokens == 0);
    }
  }
}

TEST(TuneTest, FindsAnInteractionThatNoSweepShows) {
  Surface surface;
  surface.decode = [](const Config& config) {
    const int both = (config.repack == Switch::on) + (config.load_mode == LoadMode::read);
    return both == 2 ? 7.8 : both == 1 ? 3.4 : 3.5;
  };
  const TuneResult result = run(request_for(surface, Engine::ik_llama), surface);
  ASSERT_TRUE(result.lossless.has_value());
  EXPECT_EQ(result.lossless->config.repack, Switch::on);
  EXPECT_EQ(result.lossless->config.load_mode, LoadMode::read);
  EXPECT_NEAR(result.lossless->decode_tokens_per_s.median, 7.8, 1e-9);
}

TEST(TuneTest, AnInteractionCountsBeforeItsPhasesAreWalked) {
  Surface surface;
  surface.decode = [](const Config& config) {
    return config.repack == Switch::on && config.load_mode == LoadMode::read ? 7.8 : 3.5;
  };
  TuneRequest request = request_for(surface, Engine::ik_llama);
  request.max_trials = 24;
  const TuneResult result = run(request, surface);
  EXPECT_EQ(result.stopped_by, StoppedBy::trials);
  EXPECT_EQ(result.lossless->config.repack, Switch::on);
}

TEST(TuneTest, ALuckySearchTrialDoesNotWin) {
  Surface surface;
  const TuneRequest request = request_for(surface);
  const TuneResult result = tune(request, [&](const TrialSpec& spec) {
    Trial trial = surface(spec);
    if (spec.repetition == 0 && spec.config.decode_threads == 1)
      for (Measurement& each : trial.measurements) each = summarise(each.name, each.unit, {12, 12.1, 12.2});
    return trial;
  });
  EXPECT_EQ(result.lossless->config, start(request.space, request.machine, request.model));
  EXPECT_TRUE(result.lossless->confirmed);
}

TEST(TuneTest, TiesKeepTheDefault) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Surface surface;
    surface.noise = 0.01;
    surface.seed = seed;
    const TuneRequest request = request_for(surface);
    const TuneResult result = run(request, surface);
    ASSERT_TRUE(result.lossless.has_value());
    EXPECT_EQ(result.lossless->config, start(request.space, request.machine, request.model)) << seed;
    EXPECT_FALSE(result.lossy.has_value()) << seed;
  }
}

TEST(TuneTest, NoiseRarelyHidesWhatIsThere) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Surface surface = separable();
    surface.noise = 0.02;
    surface.seed = seed;
    const TuneResult result = run(request_for(surface), surface);
    found += result.lossless->config.decode_threads == 4 && result.lossless->config.ubatch == 256 ? 1 : 0;
  }
  EXPECT_GE(found, 19);
}

TEST(TuneTest, ACliffAndAFailingRegionAreSurvived) {
  Surface surface = separable();
  const auto decode = surface.decode;
  surface.decode = [decode](const Config& config) {
    return config.decode_threads == 8 ? 0.01 : decode(config);
  };
  surface.failure = [](const Config& config) {
    return config.ubatch == 256 ? "out of memory" : config.head_type == HeadType::q4_0 ? "crashed" : "";
  };
  const TuneResult result = run(request_for(surface), surface);
  ASSERT_TRUE(result.lossless.has_value());
  EXPECT_EQ(result.lossless->config.decode_threads, 4);
  EXPECT_EQ(result.lossless->config.ubatch, 512);
  ASSERT_NE(effect_of(result, "ubatch", "256"), nullptr);
  EXPECT_EQ(effect_of(result, "ubatch", "256")->verdict, Verdict::failed);
  EXPECT_EQ(effect_of(result, "ubatch", "256")->reason, "out of memory");
  EXPECT_EQ(result.lossy->config.head_type, HeadType::as_is);
}

TEST(TuneTest, ADefaultThatFailsIsNotTheEnd) {
  Surface surface = separable();
  surface.failure = [](const Config& config) { return config.prefill_threads == 8 ? "it hung" : ""; };
  const TuneResult result = run(request_for(surface), surface);
  EXPECT_EQ(result.default_trial->status, Status::failed);
  ASSERT_TRUE(result.lossless.has_value());
  EXPECT_EQ(result.lossless->config.prefill_threads, 4);
  EXPECT_TRUE(result.lossless->confirmed);
}

TEST(TuneTest, ADefaultThatFailsIsNotTheEndOfAShortTuneEither) {
  Surface surface = separable();
  surface.failure = [](const Config& config) { return config.prefill_threads == 8 ? "it hung" : ""; };
  TuneRequest request = request_for(surface);
  request.max_trials = 10;
  const TuneResult result = run(request, surface);
  ASSERT_TRUE(result.lossless.has_value());
  EXPECT_EQ(result.lossless->config.prefill_threads, 4);
}

TEST(TuneTest, TheLossyAnswerHasTheOtherLeversOfTheLosslessOne) {
  for (int limit = 18; limit < 32; ++limit) {
    Surface surface = separable();
    // Only together: no sweep finds it, so the lossy sweeps come too early for it.
    surface.prefill = [](const Config& config) {
      return (config.prefill_threads == 4 && config.ubatch == 128 ? 200.0 : 100.0) *
             (2 - config.n_experts / 8.0);
    };
    TuneRequest request = request_for(surface);
    request.max_trials = limit;
    request.repetitions = 1;  // leaves some of what is kept for the finals
    const TuneResult result = run(request, surface);
    ASSERT_TRUE(result.lossless.has_value());
    if (!result.lossy || result.lossless->config.ubatch != 128) continue;
    EXPECT_EQ(result.lossy->config.ubatch, 128) << limit;
    EXPECT_EQ(result.lossy->config.prefill_threads, 4) << limit;
  }
}

TEST(TuneTest, NothingRunsAndThatIsAResult) {
  Surface surface;
  surface.failure = [](const Config&) { return "no"; };
  const TuneResult result = run(request_for(surface), surface);
  EXPECT_FALSE(result.lossless.has_value());
  EXPECT_FALSE(result.lossy.has_value());
  for (const Effect& effect : result.effects) EXPECT_EQ(effect.verdict, Verdict::failed);
}

TEST(TuneTest, ASenselessRateIsAFailure) {
  Surface surface;
  surface.decode = [](const Config& config) { return config.decode_threads == 1 ? 0.0 : 10.0; };
  const TuneResult result = run(request_for(surface), surface);
  EXPECT_EQ(effect_of(result, "decode_threads", "1")->verdict, Verdict::failed);
}

TEST(TuneTest, EffectsTellHelpedHurtAndNothing) {
  Surface surface;
  surface.noise = 0.005;
  surface.prefill = [](const Config& config) { return config.ubatch == 256 ? 120.0 : 100.0; };
  surface.decode = [](const Config& config) { return config.decode_threads == 1 ? 8.0 : 10.0; };
  const TuneResult result = run(request_for(surface), surface);
  const Effect* ubatch = effect_of(result, "ubatch", "256");
  ASSERT_NE(ubatch, nullptr);
  EXPECT_EQ(ubatch->verdict, Verdict::helped);
  EXPECT_EQ(ubatch->from, "512");
  ASSERT_TRUE(ubatch->prefill.has_value());
  EXPECT_NEAR(ubatch->prefill->median, 1.2, 0.02);
  EXPECT_FALSE(ubatch->decode.has_value());
  EXPECT_EQ(effect_of(result, "decode_threads", "1")->verdict, Verdict::hurt);
  EXPECT_EQ(effect_of(result, "prefill_threads", "1")->verdict, Verdict::no_effect);
  EXPECT_EQ(effect_of(result, "head_type", "q4_0")->loss, Loss::lossy);
}

TEST(TuneTest, DraftsThatWereNotMadeHaveNoEffect) {
  Surface surface = separable();
  surface.decode = [](const Config& config) { return config.draft_len > 0 ? 13 : 10; };
  for (const bool made : {true, false}) {
    TuneRequest request = request_for(surface, Engine::ik_llama);
    override_axis(request.space, "draft_len", "0,4");
    const TuneResult result = tune(request, [&](const TrialSpec& spec) {
      Trial trial = surface(spec);
      for (Measurement& each : trial.measurements)
        if (spec.config.draft_len > 0 && !made) each.tags.push_back(fmt::format("draft_len=4: {}", kNoDrafts));
      return trial;
    });
    const Effect* effect = effect_of(result, "draft_len", "4");
    ASSERT_NE(effect, nullptr);
    EXPECT_EQ(effect->verdict, made ? Verdict::helped : Verdict::no_effect);
  }
}

TEST(TuneTest, WhatRepackingDecidesIsNotTriedBesideIt) {
  for (const bool helps : {true, false}) {
    Surface surface = separable();
    surface.decode = [helps](const Config& config) { return config.repack == Switch::on && helps ? 15 : 10; };
    TuneRequest request = request_for(surface, Engine::ik_llama);
    override_axis(request.space, "repack", "off,on");
    override_axis(request.space, "load_mode", "automatic,read");
    const TuneResult result = run(request, surface);
    const auto both = [](const TrialSpec& spec) { return spec.config.load_mode == LoadMode::read && spec.config.repack == Switch::on; };
    EXPECT_TRUE(std::none_of(surface.asked.begin(), surface.asked.end(), both) || !helps);
    const auto said = [](const LeftOut& left) { return left.lever == "load_mode=read" && left.reason.starts_with("repack=on reads"); };
    EXPECT_EQ(std::any_of(result.left_out.begin(), result.left_out.end(), said), helps);
  }
}

TEST(TuneTest, SweepsComeBeforeTheProduct) {
  Surface surface = separable();
  std::vector<std::string> stages;
  const TuneRequest request = request_for(surface);
  tune(request, std::ref(surface), [&](const Step& step) {
    if (step.trial == nullptr && (stages.empty() || stages.back() != step.stage))
      stages.push_back(step.stage);
  });
  EXPECT_THAT(stages, testing::ElementsAre("default", "sweep", "lossy", "product", "lossy", "final"));
}

TEST(TuneTest, HopelessCandidatesAreNotRunAndSaidSo) {
  Surface surface;
  surface.machine = machine_of(8);
  TuneRequest request = request_for(surface);
  request.profile = profile_of({{1, 1e9}, {2, 2e9}, {4, 6e9}, {8, 6e9}});
  const Prior prior = {&request.model, &request.profile};
  const Config from = start(request.space, request.machine, request.model);
  const double roof = ceiling_tokens_per_s(prior, from, Workload{}, Phase::decode, {});
  surface.decode = [roof](const Config&) { return 0.6 * roof; };
  const TuneResult result = run(request, surface);
  for (const TrialSpec& spec : surface.asked) EXPECT_GT(spec.config.decode_threads, 2);
  EXPECT_THAT(result.left_out, testing::Contains(testing::Field(&LeftOut::lever, "decode_threads=1")));
}

TEST(TuneTest, AnImpossibleDefaultIsRefusedBeforeAnythingRuns) {
  Surface surface;
  TuneRequest request = request_for(surface);
  override_axis(request.space, "decode_threads", "64");
  EXPECT_THROW(run(request, surface), Error);
  EXPECT_TRUE(surface.asked.empty());
}

TEST(TuneTest, UnknownStrategyAndHugeSpacesAreRefused) {
  Surface surface;
  TuneRequest request = request_for(surface);
  request.strategy = "gird";
  EXPECT_THROW(run(request, surface), Error);
  request = request_for(surface);
  std::string many = "1";
  for (int i = 2; i <= 400; ++i) many += "," + std::to_string(i);
  override_axis(request.space, "ubatch", many);
  override_axis(request.space, "parallel", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16");
  EXPECT_THROW(run(request, surface), Error);
}

TEST(TuneTest, TheSameSeedWalksTheSamePath) {
  Surface one = separable(), two = separable();
  one.noise = two.noise = 0.02;
  run(request_for(one), one);
  run(request_for(two), two);
  EXPECT_EQ(path(one.asked), path(two.asked));
}

TEST(TuneTest, ASignalBetweenTrialsEndsItInOrder) {
  Surface surface = separable();
  TuneRequest request = request_for(surface);
  request.interrupted = [&] { return surface.asked.size() == 4; };
  const TuneResult result = run(request, surface);
  EXPECT_EQ(result.stopped_by, StoppedBy::signal);
  EXPECT_EQ(result.trials.size(), 4U);
  EXPECT_TRUE(result.lossless.has_value());
  EXPECT_FALSE(result.lossless->confirmed);
}

TEST(TuneTest, ATrialCutShortIsNoResult) {
  Surface surface = separable();
  const TuneRequest request = request_for(surface);
  const TuneResult result = tune(request, [&](const TrialSpec& spec) {
    if (surface.asked.size() == 3) throw StopTune{};
    return surface(spec);
  });
  EXPECT_EQ(result.stopped_by, StoppedBy::signal);
  EXPECT_EQ(result.trials.size(), 3U);
}

TEST(TuneTest, OrderNeedsFewLoads) {
  Surface surface = separable();
  const TuneResult result = run(request_for(surface), surface);
  int loads = 0, heads = 0;
  const Machine machine = surface.machine;
  for (std::size_t i = 0; i < surface.asked.size(); ++i) {
    const Reload due =
        i == 0 ? Reload::all : reload_due(surface.asked[i - 1].config, surface.asked[i].config, machine);
    loads += due == Reload::all ? 1 : 0;
    heads += due == Reload::head ? 1 : 0;
  }
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(result.loads, 1);
  EXPECT_LE(heads, 8);
}

TEST(TuneTest, DefaultsThatDoNotRunAreStoodInForByTheNearest) {
  Surface surface = separable();
  surface.failure = [](const Config& config) { return config.load_mode == LoadMode::automatic ? "it was killed" : ""; };
  TuneRequest request = request_for(surface, Engine::ik_llama);
  const TuneResult result = run(request, surface);
  ASSERT_TRUE(result.lossless && result.default_answer && result.stand_in);
  EXPECT_EQ(result.stand_in->load_mode, LoadMode::read);
  EXPECT_EQ(differences(*result.stand_in, start(request.space, request.machine, request.model)).size(), 1U);
  EXPECT_EQ(result.default_answer->config, *result.stand_in);
  EXPECT_GT(result.lossless->against_default.speed_ratio.median, 1.02);

  surface.failure = [](const Config&) { return ""; };
  EXPECT_FALSE(run(request, surface).stand_in);
}

TEST(TuneTest, LaterLoadsMayFindTheFileInMemory) {
  Surface surface = separable();
  TuneRequest request = request_for(surface, Engine::ik_llama);
  const double once_s = estimate(request, 100, 5).expected_s;
  request.reload_s = 1;
  const Plan plan = estimate(request, 100, 5);
  EXPECT_LT(plan.expected_s, once_s / 2);
  EXPECT_GT(plan.expected_s, 100 + 5);
}

/// A prefill that is faster by 1.36 in the one trial of the search that has another ubatch, as are the cores around it by `drift`.
TuneResult with_faster_cores(double drift) {
  Surface surface;
  TuneRequest request = request_for(surface);
  override_axis(request.space, "ubatch", "512,256");
  return tune(request, [&](const TrialSpec& spec) {
    const bool lucky = spec.config.ubatch == 256 && spec.repetition == 0;
    surface.prefill = [=](const Config&) { return lucky ? 136.0 : 100.0; };
    Trial trial = surface(spec);
    if (spec.workload.prompt_tokens > 0) trial.measurements.push_back(summarise(kMultiplyRate, "operations/s", {300e9 * (lucky ? drift : 1)}));
    return trial;
  });
}

TEST(TuneTest, CoresThatBecameFasterProveNothingOfALever) {
  for (const double drift : {1.0, 1.1, 1.4}) {
    const TuneResult result = with_faster_cores(drift);
    const Effect* effect = effect_of(result, "ubatch", "256");
    EXPECT_NEAR(effect->prefill->interval.low, 1.36 / drift, 1e-9);
    EXPECT_NEAR(effect->prefill->interval.high, 1.36, 1e-9);
    EXPECT_EQ(effect->verdict, Verdict::no_effect);
    EXPECT_EQ(effect->reason.empty(), drift > 1.36) << "by itself, or by the turns that followed";
    EXPECT_EQ(result.lossless->config.ubatch, 512);
  }
}

}  // namespace
}  // namespace oldiron::tune_test
