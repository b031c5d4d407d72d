#include "probes/compute.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace oldiron::compute_test {
namespace {

std::atomic<int> running{0}, most_at_once{0};

/// A loop that lets a tenth of a microsecond pass per round, whatever the core, and watches who runs beside
/// it.
void fake_loop(std::int64_t rounds) {
  const int now = ++running;
  for (int seen = most_at_once; seen < now && !most_at_once.compare_exchange_weak(seen, now);) {
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(100 * rounds);
  while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
  --running;
}

ComputePlan fake_plan() {
  return {.cpus = {-1, -1},
          .thread_counts = {1, 2},
          .peaks = {{Isa::avx2, ComputeType::int8, "fake", 10, fake_loop}},
          .budget_s = 0};
}

TEST(Compute, EveryRowOnOneThreadAndOnAllAtOnce) {
  most_at_once = 0;
  const std::vector<ComputePeak> peaks = measure_compute(fake_plan());
  ASSERT_EQ(peaks.size(), 2U);
  EXPECT_EQ(peaks[0].threads, 1);
  EXPECT_EQ(peaks[1].threads, 2);
  EXPECT_EQ(most_at_once, 2);
  for (const ComputePeak& peak : peaks) {
    EXPECT_EQ(peak.isa, "avx2");
    EXPECT_EQ(peak.instruction, "fake");
    EXPECT_GE(peak.ops_per_s.samples.size(), 6U);
    EXPECT_GT(peak.ops_per_s.median, 0);
    // 24 instructions of 10 operations in 100 ns are 2.4 G/s a thread; the loop never runs faster than its
    // clock.
    EXPECT_LE(peak.ops_per_s.low, 2.41e9 * peak.threads);
    EXPECT_GT(peak.clock_hz, 0);
    EXPECT_DOUBLE_EQ(peak.built_ops_per_s, peak.threads * peak.per_cycle * peak.clock_hz * 10);
  }
}

TEST(Compute, ARateThatNoCoreIsBuiltForIsTaggedWithItsReason) {
  ComputePlan plan = fake_plan();
  plan.thread_counts = {1};
  const ComputePeak peak = measure_compute(plan).front();
  const double per_cycle = peak.ops_per_s.median / 10 / peak.clock_hz;
  const bool is_peak = why_no_peak(plan.peaks[0], per_cycle).empty();
  const auto says_so = testing::Contains(testing::HasSubstr("noisy: "));
  // Medians of quotients and quotients of medians may part at the very limit.
  if (per_cycle < 0.9 * peak.per_cycle) {
    EXPECT_THAT(peak.ops_per_s.tags, says_so);
  } else if (is_peak && per_cycle > peak.per_cycle) {
    EXPECT_THAT(peak.ops_per_s.tags, testing::Not(says_so));
  }
}

TEST(Compute, PlanIsOneThreadAndAllThatMayRun) {
  Machine machine;
  for (int i = 0; i < 8; ++i) machine.cores.push_back({.id = i, .cpus = {i}});
  EXPECT_EQ(plan_compute(machine, {.cpu_quota = 3.5}).thread_counts, (std::vector<int>{1, 3}));
  EXPECT_EQ(plan_compute(machine, {.cpu_quota = 1}).thread_counts, (std::vector<int>{1}));
  for (const Peak& peak : plan_compute(machine, {}).peaks) EXPECT_TRUE(runs_here(peak.isa));
}

}  // namespace
}  // namespace oldiron::compute_test
