// The loop on synthetic surfaces: finds what there is, keeps its budget, repeats itself exactly.
#include "tuner/tune.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/tuner/surface.hpp"
#include "tuner/prior.hpp"

namespace oldiron::tune_test {
namespace {

double threads_curve(int threads, int best) {
  return 10.0 * threads / (threads + std::abs(threads - best) + 1.0);
}

const Effect* effect_of(const TuneResult& result, std::string_view lever, std::string_view value) {
  for (const Effect& effect : result.effects)
    if (effect.lever == lever && effect.value == value) return &effect;
  return nullptr;
}

/// Best with 4 decode threads, 8 prefill threads, ubatch 256; fewer experts and a smaller head are faster.
Surface separable(int cores = 8) {
  Surface surface;
  surface.machine = machine_of(cores);
  surface.decode = [](const Config& config) {
    return threads_curve(config.decode_threads, 4) * (2 - config.n_experts / 8.0) *
           (config.head_type == HeadType::q4_0 ? 1.2 : 1);
  };
  surface.prefill = [](const Config& config) {
    return 10 * threads_curve(config.prefill_threads, 8) * (config.ubatch == 256 ? 1.3 : 1) *
           (2 - config.n_experts / 8.0);
  };
  return surface;
}

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

TEST(TuneTest, FinalistsAndTheDefaultTakeTurns) {
  Surface surface = separable();
  const TuneRequest request = request_for(surface);
  const TuneResult result = run(request, surface);
  const Config from = start(request.space, request.machine, request.model);
  std::string order;
  for (const TrialSpec& spec : surface.asked)
    if (spec.repetition > 0 && is_lossless(spec.config, request.machine, request.model))
      order += spec.config == result.lossless->config ? 'A' : spec.config == from ? 'D' : 'B';
  EXPECT_TRUE(order == "ADDAAD" || order == "DAADDA") << order;
  EXPECT_EQ(result.lossless->decode_tokens_per_s.samples.size(), 3U * 3U);
}

TEST(TuneTest, VerifyIsMeasuredOnceOnTheAnswer) {
  Surface surface = separable();
  TuneRequest request = request_for(surface);
  request.base.workload.verify_max = 8;
  const TuneResult result = run(request, surface);
  int verifies = 0;
  for (const TrialSpec& spec : surface.asked)
    if (spec.workload.verify_max > 0) {
      ++verifies;
      EXPECT_EQ(spec.config, result.lossless->config);
    }
  EXPECT_EQ(verifies, 1);
  ASSERT_EQ(result.verify_costs.size(), 8U);
  EXPECT_NEAR(result.verify_costs[3].break_even_tokens, 2.2, 1e-9);
  EXPECT_EQ(result.lossless->config.draft_len, 0);
}

TEST(TuneTest, StreamsAloneAreMeasuredOnceOnTheAnswer) {
  Surface surface = separable();
  TuneRequest request = request_for(surface);
  request.keeps_model = false;
  request.base.workload.streams_max = 4;
  const TuneResult result = run(request, surface);
  std::vector<TrialSpec> wide;
  for (const TrialSpec& spec : surface.asked)
    if (spec.workload.streams_max > 0) wide.push_back(spec);
  ASSERT_EQ(wide.size(), 1U);
  EXPECT_EQ(wide[0].config, result.lossless->config);
  EXPECT_EQ(wide[0].workload.streams_max, 4);
  EXPECT_EQ(wide[0].workload.prompt_tokens, 0);
}

TEST(TuneTest, FinalsLeaveATrialForStreams) {
  Surface surface = separable();
  TuneRequest request = request_for(surface);
  request.base.workload.streams_max = 4;
  for (const int most : {8, 10, 14}) {
    surface.asked.clear();
    request.max_trials = most;
    run(request, surface);
    EXPECT_TRUE(std::any_of(surface.asked.begin(), surface.asked.end(), [](const TrialSpec& spec) { return spec.workload.streams_max > 0; })) << most;
  }
}

TEST(TuneTest, AFixedLossySettingMakesEveryAnswerLossy) {
  Surface surface = separable();
  TuneRequest request = request_for(surface);
  override_axis(request.space, "n_experts", "3");
  override_axis(request.space, "head_type", "as_is");
  const TuneResult result = run(request, surface);
  EXPECT_FALSE(result.lossless.has_value());
  ASSERT_TRUE(result.lossy.has_value());
  EXPECT_EQ(result.lossy->config.n_experts, 3);
  EXPECT_EQ(result.lossy->config.decode_threads, 4);
  EXPECT_EQ(result.lossy->quality, "not measured");
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

TEST(TuneTest, AsMuchOfATextIsReadAsThePrefillAllows) {
  for (const auto& [read_s, texts] : {std::pair{1000.0, 16}, std::pair{20.0, 7}, std::pair{0.5, 4}}) {
    Surface surface = separable();
    surface.prefill = [](const Config&) { return 100.0; };
    TuneRequest request = request_for(surface);
    request.base.workload.quality_texts = 16;
    request.base.workload.quality_tokens = 256;
    request.quality_read_s = read_s;
    request.quality_name = "a text of somebody's";
    override_axis(request.space, "head_type", "as_is");
    override_axis(request.space, "n_experts", "8,4");
    run(request, surface);
    int priced = 0;
    for (const TrialSpec& spec : surface.asked) {
      if (spec.workload.quality_tokens == 0) continue;
      ++priced;
      EXPECT_EQ(spec.workload.quality_texts, texts) << read_s;
      EXPECT_EQ(spec.workload.name, "a text of somebody's");
    }
    EXPECT_EQ(priced, 1) << read_s;
  }
}

TEST(TuneTest, EveryLossyChoiceGetsItsPrice) {
  Surface surface = separable();
  TuneRequest request = request_for(surface);
  request.base.workload.quality_texts = 4;
  request.base.workload.quality_tokens = 32;
  override_axis(request.space, "head_type", "as_is");
  override_axis(request.space, "n_experts", "8,6,4");
  const TuneResult result = run(request, surface);
  int priced = 0;
  for (const TrialSpec& spec : surface.asked) {
    if (spec.workload.quality_texts == 0) continue;
    ++priced;
    EXPECT_EQ(spec.workload.generate_tokens + spec.workload.prompt_tokens + spec.workload.verify_max, 0);
    EXPECT_NE(spec.config.n_experts, 8);
  }
  EXPECT_EQ(priced, 2);
  ASSERT_EQ(result.lossy_choices.size(), 2U);
  EXPECT_EQ(result.lossy_choices[0].changed, "n_experts=6");
  EXPECT_EQ(result.lossy_choices[1].changed, "n_experts=4");
  ASSERT_TRUE(result.lossy_choices[1].quality);
  EXPECT_NEAR(result.lossy_choices[1].quality->kl.median, 0.042, 1e-9);
  EXPECT_GT(result.lossy_choices[1].decode_tokens_per_s->median, 0);
  ASSERT_TRUE(result.lossy.has_value());
  EXPECT_THAT(result.lossy->quality, testing::StartsWith("KL 0.042 ("));
  EXPECT_EQ(result.lossless->config.n_experts, 8);
}

TEST(TuneTest, APriceThatIsNotMeasuredIsSaidToBe) {
  Surface surface = separable();
  TuneRequest request = request_for(surface);
  request.why_no_quality = "the weights are generated";
  const TuneResult unasked = run(request, surface);
  ASSERT_FALSE(unasked.lossy_choices.empty());
  for (const LossyChoice& choice : unasked.lossy_choices) {
    ASSERT_FALSE(choice.quality);
    EXPECT_EQ(choice.quality.reason(), "the weights are generated");
  }
  EXPECT_EQ(unasked.lossy->quality, "the weights are generated");

  request.base.workload.quality_texts = 4;
  request.base.workload.quality_tokens = 32;
  Surface failing = separable();
  const TuneResult failed = tune(request, [&](const TrialSpec& spec) {
    Trial trial = failing(spec);
    if (spec.workload.quality_texts > 0) {
      trial.measurements.clear();
      trial.status = Status::failed;
      trial.reason = "memory ran out";
    }
    return trial;
  });
  for (const LossyChoice& choice : failed.lossy_choices) EXPECT_EQ(choice.quality.reason(), "not measured: memory ran out");
}

TrialSpec your_line(const TuneRequest& request, int threads) {
  TrialSpec spec = request.base;
  spec.config = start(request.space, request.machine, request.model);
  spec.config.decode_threads = spec.config.prefill_threads = threads;
  spec.more_flags = {"-muge", "1"};
  return spec;
}

TEST(TuneTest, TheUsersLineRunsInTurnsWithTheAnswer) {
  Surface surface = separable();
  surface.noise = 0.002;
  TuneRequest request = request_for(surface, Engine::ik_llama);
  request.yours = your_line(request, 1);
  const TuneResult result = run(request, surface);
  ASSERT_TRUE(result.yours && result.lossless);
  EXPECT_EQ(result.yours->failure, "");
  EXPECT_EQ(result.yours->pairs, request.repetitions);
  EXPECT_TRUE(result.yours->duel.candidate_wins);
  EXPECT_FALSE(result.yours->reverse.candidate_wins);
  const double decode = surface.decode(result.lossless->config) / surface.decode(request.yours->config);
  EXPECT_NEAR(result.yours->decode.median, decode, 0.02 * decode);
  EXPECT_LE(result.yours->decode.interval.low, result.yours->decode.median);
  int ran = 0;
  for (const TrialSpec& spec : surface.asked) ran += spec.more_flags.empty() ? 0 : 1;
  EXPECT_EQ(ran, request.repetitions);
}

TEST(TuneTest, AUsersLineThatIsFasterIsToldSo) {
  Surface surface = separable();
  const auto by_levers = surface.decode;
  TuneRequest request = request_for(surface, Engine::ik_llama);
  request.yours = your_line(request, 4);
  surface.noise = 0.002;
  const TuneResult result = tune(request, [&](const TrialSpec& spec) {
    surface.decode = [&](const Config& config) { return by_levers(config) * (spec.more_flags.empty() ? 1 : 2); };
    surface.prefill = [&](const Config&) { return spec.more_flags.empty() ? 20.0 : 40.0; };
    return surface(spec);
  });
  ASSERT_TRUE(result.yours);
  EXPECT_TRUE(result.yours->reverse.candidate_wins);
  EXPECT_FALSE(result.yours->duel.candidate_wins);
  EXPECT_LT(result.lossless->decode_tokens_per_s.median, 1.5 * by_levers(result.lossless->config)) << "its rates are no configuration's";
}

TEST(TuneTest, AUsersLineThatDoesNotRunSaysWhy) {
  Surface surface = separable();
  TuneRequest request = request_for(surface, Engine::ik_llama);
  request.yours = your_line(request, 4);
  const TuneResult result = tune(request, [&](const TrialSpec& spec) {
    surface.failure = [&](const Config&) { return spec.more_flags.empty() ? "" : "llama-bench refused -muge"; };
    return surface(spec);
  });
  ASSERT_TRUE(result.yours && result.lossless);
  EXPECT_EQ(result.yours->failure, "llama-bench refused -muge");
  EXPECT_EQ(result.yours->pairs, 0);
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

}  // namespace
}  // namespace oldiron::tune_test
