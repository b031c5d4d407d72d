#include "probes/streams.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>

#include "core/text.hpp"
#include "probes/node_pairs.hpp"

namespace oldiron::streams_test {
namespace {

std::atomic<bool> moved[6];
std::atomic<bool> apart = true, touched = true;

void note_move(StreamMove move, float* to, const float* a, const float* b, std::size_t n) {
  moved[static_cast<int>(move)] = true;
  if (a - to != kMiB / 4 || b - a != kMiB / 4) apart = false;
  if (n % 128 != 0 || to[n - 1] - to[0] != static_cast<float>(n - 1)) touched = false;
}

StreamPlan small_plan() {
  return {.cpus = {-1, -1}, .thread_counts = {1, 2}, .movers = {{"fast", note_move}, {"slow", note_move}}, .array_bytes = kMiB, .budget_s = 1e6};
}

TEST(Streams, EveryKindWithEveryIsaAndThreadCount) {
  const std::vector<StreamPoint> points = measure_streams(small_plan());
  ASSERT_EQ(points.size(), 6U * 2U * 2U);
  for (const std::atomic<bool>& each : moved) EXPECT_TRUE(each);
  EXPECT_TRUE(apart) << "three arrays behind each other";
  EXPECT_TRUE(touched);
  EXPECT_EQ(points[0].kind, "write");
  EXPECT_EQ(points[0].isa, "fast");
  EXPECT_EQ(points[0].threads, 1);
  EXPECT_EQ(points[1].threads, 2);
  EXPECT_EQ(points[2].isa, "slow");
  EXPECT_EQ(points[4].kind, "copy");
  EXPECT_EQ(points[23].kind, "triad_past");
  for (const StreamPoint& point : points) {
    EXPECT_EQ(point.buffer_bytes, 3 * kMiB);
    EXPECT_EQ(point.bytes_per_s.samples.size(), 5U);
    EXPECT_GT(point.bytes_per_s.median, 0);
  }
  EXPECT_EQ(points[0].moved, 2) << "a store reads its line first";
  EXPECT_EQ(points[12].kind, "write_past");
  EXPECT_EQ(points[12].moved, 1);
}

TEST(Streams, LeaveOutWhatTheBudgetDoesNotReach) {
  StreamPlan plan = small_plan();
  plan.budget_s = -1;
  EXPECT_TRUE(measure_streams(plan).empty());
}

Machine two_nodes() {
  Machine machine;
  machine.nodes = 2;
  for (int i = 0; i < 4; ++i) machine.cores.push_back({.id = i, .node = i / 2 * 3, .cpus = {i}});
  machine.caches = {{.level = 3, .bytes = kMiB, .cores = 2, .instances = 2}};
  return machine;
}

TEST(Streams, ArraysAreAsLargeAsTheBufferOrAsMemoryAllows) {
  const BandwidthPoint read{.buffer_bytes = 512 * kMiB, .page_size = "small"};
  const StreamPlan roomy = plan_streams(two_nodes(), {.allowed_cpus = 4, .memory_available_bytes = 24000 * kMiB}, {read});
  EXPECT_EQ(roomy.array_bytes, 512 * kMiB);
  EXPECT_EQ(roomy.pages, PageSize::small);
  const StreamPlan tight = plan_streams(two_nodes(), {.allowed_cpus = 4, .memory_available_bytes = 912 * kMiB}, {read});
  EXPECT_LE(3 * tight.array_bytes, (912 - 512) * kMiB / 4);
  EXPECT_GE(tight.array_bytes, 30 * kMiB);
}

TEST(NodePairs, AreOfAllNodesThatHaveCores) {
  const NodePairPlan plan = plan_node_pairs(two_nodes(), {.allowed_cpus = 4, .memory_available_bytes = 24000 * kMiB});
  ASSERT_EQ(plan.nodes.size(), 2U);
  EXPECT_EQ(plan.nodes[1].number, 3);
  EXPECT_EQ(plan.nodes[1].cpus, (std::vector<int>{2, 3}));
  Machine one = two_nodes();
  for (Core& core : one.cores) core.node = 0;
  EXPECT_TRUE(plan_node_pairs(one, {.allowed_cpus = 4, .memory_available_bytes = 24000 * kMiB}).nodes.empty());
}

TEST(NodePairs, EachIsReadAndWaitedFor) {
  NodePairPlan plan = plan_node_pairs({}, {.memory_available_bytes = 4000 * kMiB});
  plan.nodes = {{.number = 0, .cpus = {-1}}, {.number = 7, .cpus = {-1, -1}}};
  plan.bytes = 4 * kMiB;
  plan.ring_bytes = kMiB;
  const std::vector<NodePair> pairs = measure_node_pairs(plan);
  ASSERT_EQ(pairs.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(pairs[i].memory_node, i < 2 ? 0 : 7);
    EXPECT_EQ(pairs[i].cpu_node, i % 2 == 0 ? 0 : 7);
    EXPECT_EQ(pairs[i].threads, i % 2 == 0 ? 1 : 2);
    EXPECT_GT(pairs[i].bytes_per_s.median, 0);
    EXPECT_GT(pairs[i].s.median, 0);
  }
  if (syscall(SYS_move_pages, 0, 0, nullptr, nullptr, nullptr, 0) != 0) return;  // who may not ask is not told
  const std::vector<std::string>& tags = pairs[3].bytes_per_s.tags;
  EXPECT_TRUE(std::any_of(tags.begin(), tags.end(), [](const std::string& tag) { return tag == "100 % of the pages lay on other nodes"; }))
      << "there is no node 7 here";
}

}  // namespace
}  // namespace oldiron::streams_test
