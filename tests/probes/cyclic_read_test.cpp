#include "probes/cyclic_read.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "core/text.hpp"

namespace oldiron::cyclic_read_test {
namespace {

std::mutex seen_mutex;
std::set<std::size_t> seen_sizes;

std::uint64_t note_size(const std::byte*, std::size_t bytes, std::size_t) {
  std::lock_guard lock(seen_mutex);
  seen_sizes.insert(bytes);
  return 1;
}

CyclicPlan plan_for(StreamReadFn read) {
  return {.cpus = {-1}, .read = read, .token_bytes = 2 * kMiB, .most_bytes = 100 * kMiB, .budget_s = 0};
}

TEST(CyclicRead, ReadsTheTokensBytesAndTheLargeSetInPairs) {
  seen_sizes.clear();
  CyclicPlan plan = plan_for(note_size);
  plan.token_bytes = 2 * kMiB - 100;  // no whole page
  const Available<CyclicRead> read = measure_cyclic_read(plan);
  ASSERT_TRUE(read) << read.reason();
  EXPECT_EQ(read->token_bytes, 2 * kMiB);
  EXPECT_EQ(read->large_bytes, 8 * kMiB);
  EXPECT_EQ(seen_sizes, (std::set<std::size_t>{2 * kMiB, 8 * kMiB}));
  EXPECT_EQ(read->bytes_per_s.samples.size(), 6U);
  EXPECT_EQ(read->speedup, paired_ratio(read->bytes_per_s.samples, read->large_bytes_per_s.samples));
}

TEST(CyclicRead, HelpIsOverThreePercentAndBeyondTheNoise) {
  CyclicRead read;
  read.speedup = {1.031, {1.001, 1.06}};
  EXPECT_TRUE(read.cache_helps());
  read.speedup = {1.03, {1.02, 1.04}};
  EXPECT_FALSE(read.cache_helps());
  read.speedup = {1.2, {0.99, 1.4}};
  EXPECT_FALSE(read.cache_helps());
}

TEST(CyclicRead, TakesASmallerSetWhereMemoryIsShortAndNoneBelowTwice) {
  CyclicPlan plan = plan_for(note_size);
  plan.most_bytes = 5 * kMiB;
  EXPECT_EQ(measure_cyclic_read(plan)->large_bytes, 5 * kMiB);
  plan.most_bytes = 4 * kMiB - 4096;
  const Available<CyclicRead> none = measure_cyclic_read(plan);
  EXPECT_FALSE(none);
  EXPECT_NE(none.reason().find("half of the free memory"), std::string::npos);
}

TEST(CyclicRead, PlanReadsAsTheBestPointDid) {
  Machine machine;
  machine.cores = {{.id = 0, .cpus = {0}}, {.id = 1, .cpus = {1}}};
  Profile profile;
  profile.read = {{.threads = 2, .isa = "scalar", .prefetch_bytes = 2048, .page_size = "small"}};
  const CyclicPlan plan =
      plan_cyclic_read(machine, {.memory_available_bytes = 1000 * kMiB}, profile, 7 * kMiB);
  EXPECT_EQ(plan.cpus.size(), 2U);
  EXPECT_EQ(plan.read, stream_readers().back().read);
  EXPECT_EQ(plan.prefetch_bytes, 2048U);
  EXPECT_EQ(plan.pages, PageSize::small);
  EXPECT_EQ(plan.most_bytes, usable_memory_bytes({.memory_available_bytes = 1000 * kMiB}) / 2);
}

}  // namespace
}  // namespace oldiron::cyclic_read_test
