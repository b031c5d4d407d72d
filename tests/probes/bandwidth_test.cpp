#include "probes/bandwidth.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "core/text.hpp"

namespace oldiron::bandwidth_test {
namespace {

Machine cores(int n, int nodes = 1) {
  Machine machine;
  for (int i = 0; i < n; ++i) machine.cores.push_back({.id = i, .node = i * nodes / n, .cpus = {i}});
  return machine;
}

BandwidthPoint point(int threads, double bytes_per_s) {
  BandwidthPoint point;
  point.threads = threads;
  point.bytes_per_s.median = bytes_per_s;
  return point;
}

TEST(Bandwidth, thread_counts_hold_the_last_doubling_of_a_node) {
  using Counts = std::vector<int>;
  EXPECT_EQ(bandwidth_thread_counts(cores(1), 1), (Counts{1}));
  EXPECT_EQ(bandwidth_thread_counts(cores(2), 2), (Counts{1, 2}));
  EXPECT_EQ(bandwidth_thread_counts(cores(24, 2), 24), (Counts{1, 2, 4, 6, 8, 12, 16, 24}));
  EXPECT_EQ(bandwidth_thread_counts(cores(8), 3), (Counts{1, 2, 3}));
}

TEST(Bandwidth, threads_never_exceed_quota_or_cpuset) {
  const MachineState state{.allowed_cpus = 8, .cpu_quota = 2.5, .memory_available_bytes = 8000 * kMiB};
  EXPECT_EQ(bandwidth_thread_counts(cores(8), usable_threads(cores(8), state)).back(), 2);
}

TEST(Bandwidth, saturated_only_if_the_last_doubling_gained_little) {
  EXPECT_FALSE(is_saturated({}, 4));
  EXPECT_FALSE(is_saturated({point(1, 10)}, 1));
  EXPECT_FALSE(is_saturated({point(1, 14), point(2, 27)}, 2));
  EXPECT_FALSE(is_saturated({point(1, 10), point(2, 11.6)}, 2));
  EXPECT_TRUE(is_saturated({point(1, 10), point(2, 11.4)}, 2));
  EXPECT_TRUE(is_saturated({point(1, 10), point(2, 20), point(4, 19)}, 4));
}

TEST(Bandwidth, a_second_socket_does_not_hide_that_the_first_is_full) {
  EXPECT_TRUE(is_saturated({point(1, 10), point(6, 48), point(12, 50), point(24, 100)}, 12));
}

std::int64_t plateau(std::int64_t least, std::int64_t most,
                     const std::function<double(std::int64_t)>& bytes_per_s) {
  return plateau_bytes(least, most, bytes_per_s, [] { return true; });
}

TEST(Bandwidth, plateau_is_where_doubling_changes_nothing) {
  const auto cached_below = [](std::int64_t cache) {
    return [cache](std::int64_t size) {
      return size <= cache ? 100e9 : 20e9 + 10e9 * static_cast<double>(cache) / static_cast<double>(size);
    };
  };
  EXPECT_EQ(plateau(64 * kMiB, 4096 * kMiB, [](std::int64_t) { return 20e9; }), 64 * kMiB);
  // A guest of two CPUs starts at 4 x 96 MiB and the host's 480 MiB of cache still help it.
  EXPECT_GE(plateau(384 * kMiB, 65536 * kMiB, cached_below(480 * kMiB)), 4 * 480 * kMiB);
  EXPECT_EQ(plateau(64 * kMiB, 300 * kMiB, cached_below(480 * kMiB)), 64 * kMiB);
  EXPECT_EQ(plateau(64 * kMiB, 32 * kMiB, [](std::int64_t) { return 1.0; }), 32 * kMiB);
}

TEST(Bandwidth, plateau_that_never_stands_still_ends_with_the_time) {
  int looks = 0;
  const auto noise = [&](std::int64_t) { return ++looks % 2 ? 10.0 : 20.0; };
  EXPECT_EQ(plateau_bytes(64 * kMiB, 65536 * kMiB, noise, [&] { return looks < 3; }), 256 * kMiB);
}

TEST(Bandwidth, noise_is_no_memory_wall) {
  std::vector<BandwidthPoint> points{point(1, 10), point(2, 9)};
  EXPECT_TRUE(is_saturated(points, 2));
  points[0].bytes_per_s.tags = {"noisy: other processes used 1.8 CPUs"};
  EXPECT_FALSE(is_saturated(points, 2));
}

TEST(Bandwidth, a_cache_of_the_host_is_not_believed) {
  Machine machine = cores(2);
  machine.caches = {{.level = 2, .bytes = kMiB, .cores = 1, .instances = 2},
                    {.level = 3, .bytes = 480 * kMiB, .cores = 2, .instances = 1}};
  EXPECT_EQ(believable_cache_bytes(machine), 96 * kMiB);
  machine.caches[1] = {.level = 3, .bytes = 32 * kMiB, .cores = 8, .instances = 4};
  EXPECT_EQ(believable_cache_bytes(machine), 128 * kMiB);
  EXPECT_EQ(believable_cache_bytes(cores(2)), 96 * kMiB);
  EXPECT_EQ(believable_cache_bytes(cores(64)), 512 * kMiB);
}

TEST(Bandwidth, plan_stays_within_memory) {
  Machine machine = cores(2);
  machine.caches = {{.level = 3, .bytes = 32 * kMiB, .cores = 2, .instances = 1}};
  const BandwidthPlan roomy = plan_bandwidth(machine, {.memory_available_bytes = 24000 * kMiB});
  EXPECT_EQ(roomy.least_bytes, 128 * kMiB);
  EXPECT_EQ(roomy.most_bytes, 2048 * kMiB);
  EXPECT_EQ(roomy.thread_counts, (std::vector<int>{1, 2}));
  const BandwidthPlan tight = plan_bandwidth(machine, {.memory_available_bytes = 912 * kMiB});
  EXPECT_EQ(tight.most_bytes, 100 * kMiB);
  EXPECT_FALSE(roomy.readers.empty());
}

// What the fake kernel was given.
std::mutex seen_mutex;
std::set<std::size_t> seen_sizes, seen_distances;
std::atomic<int> untouched{0};

std::uint64_t fake_read(const std::byte* data, std::size_t bytes, std::size_t prefetch_bytes) {
  std::int64_t first = 0, last = 0;
  std::memcpy(&first, data, sizeof first);
  std::memcpy(&last, data + bytes - sizeof last, sizeof last);
  if (last - first + static_cast<std::int64_t>(sizeof last) != static_cast<std::int64_t>(bytes)) ++untouched;
  std::lock_guard lock(seen_mutex);
  seen_sizes.insert(bytes);
  seen_distances.insert(prefetch_bytes);
  return 1;
}

TEST(Bandwidth, measures_every_thread_count_on_touched_memory) {
  BandwidthPlan plan;
  plan.cpus = {-1, -1};
  plan.thread_counts = {1, 2};
  plan.readers = {{"fake", fake_read}};
  plan.least_bytes = plan.most_bytes = 2 * kMiB;
  plan.budget_s = 0;
  std::vector<std::string> told;
  plan.progress = [&](const std::string& text) { told.push_back(text); };
  seen_sizes.clear();
  const std::vector<BandwidthPoint> points = read_bandwidth(plan);
  ASSERT_EQ(points.size(), 2U);
  for (const BandwidthPoint& each : points) {
    EXPECT_EQ(each.buffer_bytes, 2 * kMiB);
    EXPECT_EQ(each.isa, "fake");
    EXPECT_GE(each.bytes_per_s.samples.size(), 5U);
    EXPECT_GT(each.bytes_per_s.median, 0);
    EXPECT_LE(each.bytes_per_s.low, each.bytes_per_s.high);
  }
  EXPECT_EQ(points[1].threads, 2);
  EXPECT_EQ(seen_sizes, (std::set<std::size_t>{2 * kMiB, kMiB / 2, kMiB / 4})) << "one thread, and two that take pieces";
  EXPECT_EQ(untouched, 0);
  EXPECT_EQ(points[0].page_size, points[1].page_size) << "the page kind of all threads";
  EXPECT_GE(points[1].tried.size(), 4U + 4U + 1U) << "of pages that there are none of, the reason";
  EXPECT_EQ(told.size(), 3U);
}

std::uint64_t read_fast(const std::byte*, std::size_t, std::size_t) {
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return 1;
}

std::uint64_t read_slowly(const std::byte*, std::size_t, std::size_t) {
  std::this_thread::sleep_for(std::chrono::milliseconds(4));
  return 1;
}

TEST(Bandwidth, the_best_way_is_sampled_and_the_others_are_told) {
  BandwidthPlan plan;
  plan.cpus = {-1};
  plan.thread_counts = {1};
  plan.readers = {{"slow", read_slowly}, {"fast", read_fast}};
  plan.prefetch_bytes = {0, 2048};
  plan.page_sizes = {PageSize::transparent, PageSize::small};
  plan.least_bytes = plan.most_bytes = kMiB;
  plan.budget_s = 1;
  const BandwidthPoint point = read_bandwidth(plan).front();
  std::set<std::string> told;
  const ReadWay* best = &point.tried.front();
  for (const ReadWay& way : point.tried) {
    told.insert(way.isa + " " + std::to_string(way.prefetch_bytes) + " " + way.page_size);
    EXPECT_NE(way.bytes_per_s > 0, !way.reason.empty()) << "tried, or why not";
    if (way.bytes_per_s > best->bytes_per_s) best = &way;
  }
  EXPECT_EQ(told.size(), 8U);
  EXPECT_EQ(point.isa, best->isa);
  EXPECT_EQ(point.prefetch_bytes, best->prefetch_bytes);
  EXPECT_EQ(point.page_size, best->page_size);
}

TEST(Bandwidth, pages_that_there_are_none_of_are_left_out_with_a_reason) {
  BandwidthPlan plan;
  plan.cpus = {-1};
  plan.thread_counts = {1};
  plan.readers = {{"fake", fake_read}};
  plan.prefetch_bytes = {0};
  plan.page_sizes = {PageSize::small, PageSize::huge};
  plan.least_bytes = plan.most_bytes = 4 * kMiB;
  plan.budget_s = 0;
  const BandwidthPoint point = read_bandwidth(plan).front();
  ASSERT_EQ(point.tried.size(), 2U);
  if (point.tried[1].bytes_per_s <= 0) {
    EXPECT_NE(point.tried[1].reason.find("2 MiB pages"), std::string::npos);
  }
}

TEST(Bandwidth, a_second_look_adds_samples_in_the_same_way) {
  BandwidthPlan plan;
  plan.cpus = {-1};
  plan.thread_counts = {1};
  plan.readers = {{"slow", read_slowly}, {"fast", read_fast}};
  plan.page_sizes = {PageSize::small};
  plan.least_bytes = plan.most_bytes = kMiB;
  plan.budget_s = 0;
  std::vector<BandwidthPoint> points = read_bandwidth(plan);
  const BandwidthPoint first = points[0];
  look_again(plan, points);
  EXPECT_EQ(points[0].isa, first.isa);
  EXPECT_EQ(points[0].page_size, "small");
  EXPECT_EQ(points[0].tried, first.tried);
  const std::vector<double>& samples = points[0].bytes_per_s.samples;
  ASSERT_GE(samples.size(), first.bytes_per_s.samples.size() + 5);
  EXPECT_TRUE(std::equal(first.bytes_per_s.samples.begin(), first.bytes_per_s.samples.end(), samples.begin()));
}

TEST(Bandwidth, a_buffer_that_memory_keeps_small_is_tagged) {
  BandwidthPlan plan;
  plan.cpus = {-1};
  plan.thread_counts = {1};
  plan.readers = {{"fake", fake_read}};
  plan.least_bytes = 64 * kMiB;
  plan.most_bytes = kMiB;
  plan.budget_s = 0;
  const std::vector<BandwidthPoint> points = read_bandwidth(plan);
  EXPECT_EQ(points[0].buffer_bytes, kMiB);
  EXPECT_EQ(points[0].bytes_per_s.tags.back(), "buffer under 4 times the cache: memory allows no more");
}

TEST(Bandwidth, no_memory_is_an_error) {
  BandwidthPlan plan;
  plan.cpus = {-1};
  plan.thread_counts = {1};
  plan.readers = {{"fake", fake_read}};
  plan.most_bytes = 0;
  EXPECT_THROW(read_bandwidth(plan), Error);
}

}  // namespace
}  // namespace oldiron::bandwidth_test
