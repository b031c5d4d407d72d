// What follows the search, on synthetic surfaces: turns of finalists, the user's line, verification, streams, and prices of losses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tuner/surface.hpp"
#include "tuner/tune.hpp"

namespace oldiron::finals_test {
namespace {

TEST(FinalsTest, FinalistsAndTheDefaultTakeTurns) {
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

/// A surface where one ubatch is faster only while the search looks, and the threads do what they do.
TuneResult luck_of_the_search(double decode_gain) {
  Surface surface;
  surface.decode = [=](const Config& config) { return config.decode_threads == 1 ? 10 * decode_gain : 10.0; };
  const TuneRequest request = request_for(surface);
  return tune(request, [&](const TrialSpec& spec) {
    surface.prefill = [&](const Config& config) { return config.ubatch == 256 && spec.repetition == 0 ? 136.0 : 100.0; };
    return surface(spec);
  });
}

TEST(FinalsTest, WhatTheTurnsDoNotShowIsTakenBack) {
  const TuneResult result = luck_of_the_search(0.5);
  EXPECT_EQ(result.lossless->config.ubatch, 512);
  const Effect* luck = effect_of(result, "ubatch", "256");
  ASSERT_NE(luck, nullptr);
  EXPECT_EQ(luck->verdict, Verdict::no_effect);
  EXPECT_EQ(luck->reason, "+36.0 % in the search, +0.0 % in turns with the default");
  EXPECT_NEAR(luck->prefill->median, 1.36, 1e-9) << "what was measured stays";
}

TEST(FinalsTest, WhatRunsWhereTheDefaultDoesNotIsNotTakenBack) {
  Surface surface;
  surface.failure = [](const Config& config) { return config.ubatch == 512 ? "it hung" : ""; };
  TuneRequest request = request_for(surface);
  override_axis(request.space, "ubatch", "512,256,128");
  const TuneResult result = tune(request, [&](const TrialSpec& spec) {
    surface.prefill = [&](const Config& config) { return config.ubatch == 128 && spec.repetition == 0 ? 136.0 : 100.0; };
    return surface(spec);
  });
  for (const Effect& effect : result.effects) {
    if (effect.decode || effect.prefill) continue;
    EXPECT_THAT(effect.reason, testing::Not(testing::HasSubstr("in turns"))) << effect.lever << "=" << effect.value;
  }
}

TEST(FinalsTest, AWinKeepsWhatTheSearchToldOfIt) {
  const TuneResult result = luck_of_the_search(1.5);
  EXPECT_EQ(result.lossless->config.decode_threads, 1);
  EXPECT_EQ(effect_of(result, "decode_threads", "1")->verdict, Verdict::helped);
}

TEST(FinalsTest, VerifyIsMeasuredOnceOnTheAnswer) {
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

TEST(FinalsTest, StreamsAloneAreMeasuredOnceOnTheAnswer) {
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

TEST(FinalsTest, TurnsLeaveATrialForStreams) {
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

TEST(FinalsTest, AFixedLossySettingMakesEveryAnswerLossy) {
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

TEST(FinalsTest, AsMuchOfATextIsReadAsThePrefillAllows) {
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

TEST(FinalsTest, EveryLossyChoiceGetsItsPrice) {
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

TEST(FinalsTest, APriceThatIsNotMeasuredIsSaidToBe) {
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

TEST(FinalsTest, TheUsersLineRunsInTurnsWithTheAnswer) {
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

TEST(FinalsTest, AUsersLineThatIsFasterIsToldSo) {
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

TEST(FinalsTest, AUsersLineThatDoesNotRunSaysWhy) {
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

}  // namespace
}  // namespace oldiron::finals_test
