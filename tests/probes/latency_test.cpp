#include "probes/latency.hpp"

#include <gtest/gtest.h>

#include <set>

#include "probes/handover.hpp"

namespace oldiron::latency_test {
namespace {

std::uint64_t count_bytes(const std::byte*, std::size_t bytes, std::size_t) { return bytes; }

TEST(PointerRing, ComesToEveryLineOnceBeforeItReturns) {
  for (const std::int64_t bytes : {256, 4096, 1 << 16, 1 << 20}) {
    PointerRing ring(bytes, PageSize::small);
    std::set<const void*> seen;
    const void* begin = ring.at();
    do {
      const auto offset = static_cast<const std::byte*>(ring.at()) - static_cast<const std::byte*>(begin);
      EXPECT_EQ(offset % 64, 0);
      EXPECT_TRUE(offset >= 0 && offset < bytes) << offset;
      ASSERT_TRUE(seen.insert(ring.at()).second);
      ring.follow_s(1);
    } while (ring.at() != begin);
    EXPECT_EQ(std::ssize(seen), bytes / 64);
  }
}

LatencyPlan small_plan() {
  LatencyPlan plan;
  plan.cpus = {-1, -1};
  plan.least_bytes = 5000;
  plan.most_bytes = 20000;
  plan.reader = {"fake", count_bytes};
  plan.reader_bytes = 1 << 20;
  plan.pauses_s = {0, 1e-5};
  plan.point_s = 1e-3;
  return plan;
}

TEST(Latency, HasEveryPowerOfTwoWithEveryKindOfPages) {
  const std::vector<LatencyPoint> points = measure_latency(small_plan());
  ASSERT_EQ(points.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(points[i].working_set_bytes, 4096 << i % 3);
    EXPECT_EQ(points[i].page_size, i < 3 ? "small" : "transparent");
    EXPECT_EQ(points[i].s.samples.size(), 7U);
    EXPECT_GT(points[i].s.median, 0);
  }
}

TEST(Latency, BesideReadersSaysWhatTheyRead) {
  const std::vector<LoadedLatencyPoint> points = measure_loaded_latency(small_plan());
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[0].readers, 0);
  EXPECT_EQ(points[0].bytes_per_s.median, 0);
  for (const std::size_t i : {1, 2}) EXPECT_EQ(points[i].readers, 1);
  EXPECT_EQ(points[2].pause_s, 1e-5);
  LatencyPlan alone = small_plan();
  alone.cpus = {-1};
  EXPECT_TRUE(measure_loaded_latency(alone).empty());
}

TEST(HandOvers, AreOfEveryPairAndBarriersOfEveryDoubling) {
  const HandOverPlan plan{.cpus = {-1, -1, -1}, .nodes = {}, .budget_s = 60};
  const std::vector<HandOver> measured = measure_hand_overs(plan);
  EXPECT_EQ(measured.size(), 3U);
  for (const HandOver& each : measured) EXPECT_GT(each.s.median, 0);
  const std::vector<BarrierPoint> barriers = measure_barriers(plan);
  ASSERT_EQ(barriers.size(), 2U);
  EXPECT_EQ(barriers[0].threads, 2);
  EXPECT_EQ(barriers[1].threads, 3);
  EXPECT_TRUE(measure_barriers({.cpus = {-1}, .nodes = {}}).empty());
  EXPECT_TRUE(measure_hand_overs({.cpus = {-1, -1, -1}, .nodes = {}, .budget_s = 0}).empty());
}

}  // namespace
}  // namespace oldiron::latency_test
