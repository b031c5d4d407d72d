#include "core/roofline.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/accounting.hpp"

namespace oldiron::roofline_test {
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

double prefill_bytes(int tokens) {
  return step_cost(gemma(), {.tokens = tokens, .logits = 0, .context = 256, .n_experts = 8}).bytes();
}

const Config kTwo = {.decode_threads = 2, .prefill_threads = 2, .n_experts = 8};

TEST(Roofline, DecodeCeilingIsBandwidthOverBytes) {
  const Prediction prediction = predict(gemma(), kTwo, Workload{}, profile(14e9, 27e9), 0);
  const double bytes = 2380054648 + (25 * 8192 + 5 * 4096) *
                                        64.0;  // context: half of the answer, for decode starts at depth 0
  EXPECT_NEAR(prediction.decode_tokens_per_s, 27e9 / bytes, 1e-9);
  EXPECT_EQ(prediction.prefill_tokens_per_s, 0) << "no compute rate is known";
  EXPECT_TRUE(std::isfinite(prediction.turn_s));
}

TEST(Roofline, PrefillIsTheSlowerOfComputeAndMemory) {
  const double fast = predict(gemma(), kTwo, Workload{}, profile(14e9, 27e9), 1e15).prefill_tokens_per_s;
  const double slow = predict(gemma(), kTwo, Workload{}, profile(14e9, 27e9), 200e9).prefill_tokens_per_s;
  EXPECT_NEAR(slow, 200e9 / flops_per_token(gemma(), 8, 256, false), 1e-9);
  EXPECT_NEAR(fast, 27e9 * 512 / prefill_bytes(512), 1e-6);
  EXPECT_GT(fast, slow);
}

ComputePeak peak(const char* isa, ComputeType type, const char* instruction, int threads, double ops_per_s) {
  return {.isa = isa,
          .type = type,
          .instruction = instruction,
          .threads = threads,
          .ops_per_s = summarise("compute_peak", "operations/s", {ops_per_s})};
}

Profile profile_with_peaks() {
  Profile measured = profile(14e9, 27e9);
  measured.compute = {peak("avx2", ComputeType::int8, "vpmaddubsw", 1, 500e9),
                      peak("avx2", ComputeType::int8, "vpmaddubsw", 4, 1900e9),
                      peak("avx2", ComputeType::f32, "vfmadd231ps", 1, 130e9),
                      peak("avx512_vnni", ComputeType::int8, "vpdpbusd", 1, 1000e9),
                      peak("avx512_vnni", ComputeType::int8, "vpdpbusd", 4, 3600e9),
                      peak("avx512_vnni", ComputeType::bf16, "vdpbf16ps", 1, 500e9)};
  return measured;
}

TEST(Roofline, ComputeCeilingIsThePeakThatWeightsAndIsaAllow) {
  const Profile measured = profile_with_peaks();
  Config config = kTwo;
  EXPECT_EQ(compute_ceiling(gemma(), config, measured), (ComputeCeiling{1800e9, "vpdpbusd"}))
      << "half of four threads";
  config.prefill_threads = 1;
  EXPECT_EQ(compute_ceiling(gemma(), config, measured), (ComputeCeiling{1000e9, "vpdpbusd"}));
  config.prefill_threads = 16;
  EXPECT_EQ(compute_ceiling(gemma(), config, measured), (ComputeCeiling{3600e9, "vpdpbusd"}))
      << "no more cores";
  config.isa = IsaChoice::avx2;
  EXPECT_EQ(compute_ceiling(gemma(), config, measured), (ComputeCeiling{1900e9, "vpmaddubsw"}));
  config.activation_type = ActivationType::f32;
  EXPECT_EQ(compute_ceiling(gemma(), config, measured), (ComputeCeiling{130e9, "vfmadd231ps"}));
  config.isa = IsaChoice::scalar;
  EXPECT_EQ(compute_ceiling(gemma(), config, measured), ComputeCeiling{});
  const ModelSpec half =
      model_from_card(OLDIRON_SOURCE_DIR "/configs/models/gemma-4-26b-a4b-it.json", "bf16");
  Config one = kTwo;
  one.prefill_threads = 1;
  EXPECT_EQ(compute_ceiling(half, one, measured), (ComputeCeiling{500e9, "vdpbf16ps"}));
}

TEST(Roofline, PrefillIsPredictedFromThePeak) {
  const Prediction prediction = predict(gemma(), kTwo, Workload{}, profile_with_peaks(), 0);
  const double memory = 27e9 * 512 / prefill_bytes(512);
  EXPECT_NEAR(prediction.prefill_tokens_per_s,
              std::min(memory, 1800e9 / flops_per_token(gemma(), 8, 256, false)), 1e-6);
}

TEST(Roofline, PrefillNamesTheWallThatItMeetsFirst) {
  const Wall unknown = prefill_wall(gemma(), kTwo, Workload{}, profile(14e9, 27e9), 100);
  EXPECT_EQ(unknown.name, "not measured");
  EXPECT_EQ(unknown.fraction, 0);
  const Wall compute = prefill_wall(gemma(), kTwo, Workload{}, profile_with_peaks(), 20);
  EXPECT_EQ(compute.name, "compute: vpdpbusd peak");
  EXPECT_EQ(compute.limit_ops_per_s, 1800e9);
  EXPECT_NEAR(compute.fraction, 20 * flops_per_token(gemma(), 8, 256, false) / 1800e9, 1e-12);
  Config small = kTwo;
  small.ubatch = 8;
  const Wall memory = prefill_wall(gemma(), small, Workload{}, profile_with_peaks(), 20);
  EXPECT_EQ(memory.name, "per-core memory parallelism");
  EXPECT_EQ(memory.limit_bytes_per_s, 27e9);
  EXPECT_NEAR(memory.fraction, 20 * prefill_bytes(8) / 8 / 27e9, 1e-12);
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

TEST(Roofline, TheLargerDenominatorCountsAndIsNamed) {
  const Profile measured = profile(26e9, 27e9);
  const auto wall = [&](double own) { return decode_wall(gemma(), kTwo, Workload{}, measured, 5, own); };
  EXPECT_EQ(wall(0).limit_bytes_per_s, 27e9);
  EXPECT_EQ(wall(25e9).limit_bytes_per_s, 27e9);
  EXPECT_FALSE(wall(25e9).own_pages);
  EXPECT_EQ(wall(30e9).limit_bytes_per_s, 30e9);
  EXPECT_TRUE(wall(30e9).own_pages);
  EXPECT_NEAR(wall(30e9).fraction, wall(0).fraction * 27 / 30, 1e-12);
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

TEST(Roofline, AStepOfSeveralTokensMeetsTheMemoryFirstAndThenArithmetic) {
  const Profile measured = profile_with_peaks();
  const auto wall = [&](int n, double step_s) { return step_wall(gemma(), kTwo, measured, batch_step(n, 0, kTwo, {}), step_s); };
  const double one = step_cost(gemma(), batch_step(1, 0, kTwo, {})).bytes();
  EXPECT_NEAR(wall(1, 0.2).fraction, one / 0.2 / 27e9, 1e-12);
  EXPECT_EQ(wall(1, 0.2).limit_bytes_per_s, 27e9);
  EXPECT_EQ(wall(1, 0.2).limit_ops_per_s, 0);
  const StepCost many = step_cost(gemma(), batch_step(512, 0, kTwo, {}));
  const Wall computed = wall(512, 10);
  EXPECT_EQ(computed.limit_ops_per_s, compute_ceiling(gemma(), kTwo, measured).ops_per_s);
  EXPECT_NEAR(computed.fraction, many.flops() / 10 / computed.limit_ops_per_s, 1e-12);
  EXPECT_EQ(computed.bytes_per_s, 0);
  // Fewer experts than independent tokens would use are less to read.
  const Routing narrow = {.kind = Routing::Kind::measured, .distinct = std::vector<double>(4, 9)};
  EXPECT_LT(step_wall(gemma(), kTwo, measured, batch_step(4, 0, kTwo, narrow), 0.2).fraction, wall(4, 0.2).fraction);
  EXPECT_EQ(step_wall(gemma(), kTwo, Profile{}, batch_step(4, 0, kTwo, {}), 0.2).name, "not measured");
}

}  // namespace
}  // namespace oldiron::roofline_test
