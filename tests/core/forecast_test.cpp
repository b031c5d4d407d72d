#include "core/forecast.hpp"

#include <gtest/gtest.h>

#include "core/accounting.hpp"

namespace oldiron::forecast_test {
namespace {

ModelSpec gemma(const char* type, const char* head_type = "") {
  return model_from_card(OLDIRON_SOURCE_DIR "/configs/models/gemma-4-26b-a4b-it.json", type, head_type);
}

MachineCard machine(const std::string& id) {
  return machine_from_card(OLDIRON_SOURCE_DIR "/configs/machines/" + id + ".json");
}

Config threads(int n, int n_experts = 0) {
  return {.decode_threads = n, .prefill_threads = n, .ubatch = 512, .n_experts = n_experts};
}

// The public claim: 4.12 GB a token, and four channels of DDR4-2133 cap it at 16.6 tokens/s.
TEST(Forecast, Q8OnFourChannelsOfDdr4IsCappedAsPublished) {
  const ModelSpec model = gemma("q8_0");
  const Ability ability = ability_of(machine("xeon-e5-2620-v4"), model, threads(8));
  const Forecast f = forecast(model, threads(8), 512, 128, ability);
  EXPECT_NEAR(f.token_bytes, 4.12e9, 0.005e9);
  EXPECT_NEAR(f.decode_limit_tokens_per_s, 16.6, 0.05);
  EXPECT_EQ(judge_claim(20, f.token_bytes, ability).verdict, Claim::Verdict::impossible);
  EXPECT_NEAR(judge_claim(20, f.token_bytes, ability).limit_tokens_per_s(), 16.6, 0.05);
  EXPECT_EQ(judge_claim(15, f.token_bytes, ability).verdict, Claim::Verdict::doubtful);
  EXPECT_EQ(judge_claim(11.94, f.token_bytes, ability).verdict, Claim::Verdict::stretched);
  EXPECT_EQ(judge_claim(10, f.token_bytes, ability).verdict, Claim::Verdict::possible);
}

TEST(Forecast, IsThePublishedSharesOfWhatReadingReaches) {
  const ModelSpec model = gemma("q4_0", "q6_k");
  const Forecast f = forecast(model, threads(8, 3), 512, 256, ability_of(machine("i9-13900k"), model, threads(8, 3)));
  const double bytes = 1878243448 + 256 * 225280.0;
  EXPECT_NEAR(f.token_bytes, bytes, 1);
  EXPECT_NEAR(f.decode_tokens_per_s.likely, 0.82 * 64.5e9 / bytes, 1e-6);
  EXPECT_NEAR(f.decode_tokens_per_s.low, 0.65 * 64.5e9 / bytes, 1e-6);
  EXPECT_EQ(f.decode_wall, "memory");
}

TEST(Forecast, PrefillIsHeldByArithmeticOrBySmallUbatches) {
  const ModelSpec model = gemma("q4_0", "q6_k");
  const Ability ability = ability_of(machine("epyc-7302"), model, threads(16));
  const Forecast f = forecast(model, threads(16), 512, 0, ability);
  const double flops = step_cost(model, prefill_step(512, 256, threads(16))).flops() / 512;
  EXPECT_NEAR(f.prefill_tokens_per_s.likely, kPrefillOfPeak.likely * 16 * 64 * 3.0e9 / flops, 1e-6);
  EXPECT_EQ(f.prefill_wall, "arithmetic: vpmaddubsw");
  EXPECT_NEAR(f.first_token_s.likely, 512 / f.prefill_tokens_per_s.likely, 1e-9);
  EXPECT_LT(f.first_token_s.low, f.first_token_s.high);
  Config small = threads(16);
  small.ubatch = 4;
  const Forecast slow = forecast(model, small, 512, 0, ability);
  EXPECT_EQ(slow.prefill_wall, "memory");
  EXPECT_LT(slow.prefill_tokens_per_s.likely, f.prefill_tokens_per_s.likely);
}

TEST(Forecast, WhatIsNotKnownIsNotPredicted) {
  const ModelSpec model = gemma("q4_0", "q6_k");
  const Forecast old = forecast(model, threads(24), 512, 0, ability_of(machine("2x-xeon-e5-2697-v2"), model, threads(24)));
  EXPECT_EQ(old.prefill_tokens_per_s, Estimate{}) << "no AVX2";
  EXPECT_EQ(old.decode_tokens_per_s.likely, 0) << "two sockets";
  EXPECT_GT(old.decode_tokens_per_s.low, 0);
  const ModelSpec full = gemma("f16");
  EXPECT_EQ(ability_of(machine("epyc-7302"), full, threads(16)).ops_per_s, Estimate{}) << "no int8 product of halves";
  const Forecast none = forecast(model, threads(2), 512, 0, {});
  EXPECT_EQ(none.decode_tokens_per_s, Estimate{});
  EXPECT_EQ(judge_claim(20, none.token_bytes, {}).verdict, Claim::Verdict::unknown);
}

TEST(Forecast, OfThisMachineItIsTheMeasuredInterval) {
  Profile profile;
  profile.read = {{.threads = 2, .bytes_per_s = {.median = 40e9, .low = 38e9, .high = 44e9}}};
  profile.read_saturated = true;
  profile.compute = {{.isa = "avx2",
                      .type = ComputeType::int8,
                      .instruction = "vpmaddubsw",
                      .threads = 2,
                      .ops_per_s = {.median = 1e12}}};
  const ModelSpec model = gemma("q4_0", "q6_k");
  const Ability ability = ability_of(Machine{}, profile, model, threads(2));
  EXPECT_EQ(ability.read_bytes_per_s, (Estimate{38e9, 40e9, 44e9}));
  EXPECT_EQ(ability.memory_wall, "memory");
  EXPECT_EQ(ability.paper_bytes_per_s, 0);
  EXPECT_EQ(ability.ops_per_s.likely, 1e12);
  const Claim claim = judge_claim(20, 2.38e9, ability);
  EXPECT_EQ(claim.verdict, Claim::Verdict::impossible) << "47.6 GB/s, and 44 was the best reading";
  EXPECT_FALSE(claim.limit_is_paper);
  profile.read_saturated = false;
  EXPECT_EQ(ability_of(Machine{}, profile, model, threads(2)).memory_wall, "per-core memory parallelism");
}

}  // namespace
}  // namespace oldiron::forecast_test
