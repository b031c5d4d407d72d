#include "core/roofline.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace oldiron {
namespace {

const ModelSpec& gemma() {
  static const ModelSpec model =
      model_from_card(OLDIRON_SOURCE_DIR "/configs/models/gemma-4-26b-a4b-it.json", "q4_0", "q6_k");
  return model;
}

Profile profile(double one, double two) {
  Profile measured;
  for (const auto& [threads, rate] : {std::pair(1, one), std::pair(2, two)}) {
    measured.read.push_back(
        {.threads = threads, .bytes_per_s = summarise("read_bytes_per_s", "bytes/s", {rate})});
  }
  measured.read_saturated = two < 1.15 * one;
  return measured;
}

const Config kTwo = {.decode_threads = 2, .prefill_threads = 2, .n_experts = 8};

TEST(Roofline, DecodeCeilingIsBandwidthOverBytes) {
  const Prediction prediction = predict(gemma(), kTwo, Workload{}, profile(14e9, 27e9), 0);
  const double bytes =
      2380054648 + (25 * 8192 + 5 * 4096) * 64.0;  // context: half of the answer, for decode starts at depth 0
  EXPECT_NEAR(prediction.decode_tokens_per_s, 27e9 / bytes, 1e-9);
  EXPECT_EQ(prediction.prefill_tokens_per_s, 0) << "no compute rate is known";
  EXPECT_TRUE(std::isfinite(prediction.turn_s));
}

TEST(Roofline, PrefillIsTheSlowerOfComputeAndMemory) {
  const double fast = predict(gemma(), kTwo, Workload{}, profile(14e9, 27e9), 1e15).prefill_tokens_per_s;
  const double slow = predict(gemma(), kTwo, Workload{}, profile(14e9, 27e9), 200e9).prefill_tokens_per_s;
  EXPECT_NEAR(slow, 200e9 / flops_per_token(gemma(), 8, 256, false), 1e-9);
  EXPECT_NEAR(fast, 27e9 * 512 / bytes_per_step(gemma(), 8, 512, 256, KvType::f16), 1e-6);
  EXPECT_GT(fast, slow);
}

TEST(Roofline, MoreThreadsAndBiggerUbatchesArePredictedNoSlower) {
  Config one = kTwo;
  one.decode_threads = one.prefill_threads = 1;
  EXPECT_LT(predict(gemma(), kTwo, Workload{}, profile(14e9, 27e9), 0).turn_s,
            predict(gemma(), one, Workload{}, profile(14e9, 27e9), 0).turn_s);
  Config small = kTwo;
  small.ubatch = 8;
  EXPECT_LE(predict(gemma(), kTwo, Workload{}, profile(14e9, 27e9), 0).turn_s,
            predict(gemma(), small, Workload{}, profile(14e9, 27e9), 0).turn_s);
}

TEST(Roofline, OnlyASaturatedMemoryIsAWall) {
  const auto wall = [](const Config& config, const Profile& measured) {
    return decode_wall(gemma(), config, Workload{}, measured, 5);
  };
  EXPECT_EQ(wall(kTwo, profile(14e9, 27e9)).name, "per-core memory parallelism");
  EXPECT_EQ(wall(kTwo, profile(26e9, 27e9)).name, "memory");
  EXPECT_EQ(wall(kTwo, Profile{}).name, "not measured");
  EXPECT_EQ(wall(kTwo, Profile{}).fraction, 0);
  const Wall half =
      decode_wall(gemma(), kTwo, {.prompt_tokens = 0, .generate_tokens = 0}, profile(26e9, 27e9), 5);
  EXPECT_NEAR(half.fraction, 5 * 2380054648.0 / 27e9, 1e-12);
  EXPECT_EQ(half.limit_bytes_per_s, 27e9);
}

TEST(Roofline, FewThreadsOfASaturableMemoryAreHeldByTheirOwnMisses) {
  Profile measured = profile(14e9, 27e9);
  measured.read.push_back({.threads = 4, .bytes_per_s = summarise("read_bytes_per_s", "bytes/s", {28e9})});
  measured.read_saturated = true;
  Config one = kTwo;
  one.decode_threads = 1;
  EXPECT_EQ(decode_wall(gemma(), one, Workload{}, measured, 5).name, "per-core memory parallelism");
  EXPECT_EQ(decode_wall(gemma(), kTwo, Workload{}, measured, 5).name, "memory");
}

}  // namespace
}  // namespace oldiron
