#include <gtest/gtest.h>

#include "core/machine.hpp"

namespace oldiron::placement_test {
namespace {

using Cpus = std::vector<int>;

/// Two nodes of two cores with two hardware threads each, numbered as Linux does: siblings in the second
/// half.
Machine two_sockets() {
  Machine machine;
  machine.cores = {{.id = 0, .node = 0, .package = 0, .cpus = {0, 4}},
                   {.id = 1, .node = 0, .package = 0, .cpus = {1, 5}},
                   {.id = 2, .node = 1, .package = 1, .cpus = {2, 6}},
                   {.id = 3, .node = 1, .package = 1, .cpus = {3, 7}}};
  return machine;
}

TEST(Place, physical_cores_first_then_second_threads) {
  EXPECT_EQ(place(two_sockets(), 1), (Cpus{0}));
  EXPECT_EQ(place(two_sockets(), 4), (Cpus{0, 1, 2, 3}));
  EXPECT_EQ(place(two_sockets(), 6), (Cpus{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(place(two_sockets(), 8), (Cpus{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Place, fills_nodes_in_order_whatever_the_order_of_cores) {
  Machine machine = two_sockets();
  std::swap(machine.cores[0], machine.cores[3]);
  machine.cores[1].node = 1;
  machine.cores[2].node = 0;
  EXPECT_EQ(place(machine, 4), (Cpus{0, 2, 1, 3}));
}

TEST(Place, fast_cores_before_slow_ones_of_a_node) {
  Machine machine;
  machine.cores = {{.id = 0, .cpus = {0}, .efficiency = 0},
                   {.id = 1, .cpus = {1}, .efficiency = 0},
                   {.id = 2, .cpus = {2, 3}, .efficiency = 1}};
  EXPECT_EQ(place(machine, 4), (Cpus{2, 0, 1, 3}));
}

TEST(Place, more_threads_than_cpus_wrap_round) {
  Machine machine;
  machine.cores = {{.cpus = {5}}};
  EXPECT_EQ(place(machine, 3), (Cpus{5, 5, 5}));
}

TEST(Place, the_last_cores_are_left_with_all_their_threads) {
  EXPECT_EQ(cpus_without_last(two_sockets(), 1), (Cpus{0, 4, 1, 5, 2, 6}));
  EXPECT_EQ(cpus_without_last(two_sockets(), 0).size(), 8u);
  EXPECT_EQ(cpus_without_last(two_sockets(), 3), (Cpus{0, 4}));
  EXPECT_TRUE(cpus_without_last(two_sockets(), 4).empty());
  EXPECT_TRUE(cpus_without_last(two_sockets(), 99).empty());
}

TEST(UsableMemory, what_is_left_to_others_is_not_usable) {
  constexpr std::int64_t kGiB = std::int64_t{1} << 30;
  EXPECT_EQ(usable_memory_bytes({.memory_available_bytes = 20 * kGiB, .leave_memory_bytes = 8 * kGiB}), 12 * kGiB);
  EXPECT_EQ(usable_memory_bytes({.memory_available_bytes = 4 * kGiB, .leave_memory_bytes = 8 * kGiB}), 0);
  EXPECT_EQ(usable_memory_bytes({.memory_available_bytes = 4 * kGiB, .leave_memory_bytes = 1}),
            usable_memory_bytes({.memory_available_bytes = 4 * kGiB})) << "the reserve is in what is left";
}

TEST(Place, unknown_machine_is_left_unpinned) { EXPECT_EQ(place(Machine{}, 2), (Cpus{-1, -1})); }

TEST(UsableThreads, is_the_least_of_cores_cpus_and_quota) {
  EXPECT_EQ(usable_threads(two_sockets(), {}), 4);
  EXPECT_EQ(usable_threads(two_sockets(), {.allowed_cpus = 8}), 4);
  EXPECT_EQ(usable_threads(two_sockets(), {.allowed_cpus = 3}), 3);
  EXPECT_EQ(usable_threads(two_sockets(), {.allowed_cpus = 8, .cpu_quota = 2.9}), 2);
  EXPECT_EQ(usable_threads(two_sockets(), {.allowed_cpus = 8, .cpu_quota = 0.5}), 1);
  EXPECT_EQ(usable_threads(Machine{}, {}), 1);
}

TEST(WhyTooManyThreads, names_the_quota_and_the_way_out) {
  EXPECT_EQ(why_too_many_threads(4, {}), "");
  EXPECT_EQ(why_too_many_threads(4, {.allowed_cpus = 4, .cpu_quota = 4}), "");
  EXPECT_EQ(why_too_many_threads(1, {.cpu_quota = 0.25}), "") << "one thread always may";
  EXPECT_EQ(
      why_too_many_threads(2, {.cpu_quota = 1.5}),
      "2 threads are more than the cgroup's CPU quota of 1.5 lets run at once: use 1, or raise the quota "
      "(cpu.max, in version 1 cpu.cfs_quota_us)");
  EXPECT_EQ(why_too_many_threads(5, {.allowed_cpus = 4}),
            "5 threads are more than the 4 CPUs that affinity and cpuset leave now: use 4");
}

TEST(NodesOf, finds_each_cpu) {
  EXPECT_EQ(nodes_of(two_sockets(), {0, 2, 5, 7, -1}), (std::vector<int>{0, 1, 0, 1, 0}));
}

constexpr std::int64_t kGB = 1'000'000'000;
constexpr std::int64_t kHalfGiB = std::int64_t{512} << 20;

TEST(UsableMemory, is_the_least_figure_less_a_reserve) {
  EXPECT_EQ(usable_memory_bytes({.memory_available_bytes = 10 * kGB}), 10 * kGB - kHalfGiB);
  EXPECT_EQ(usable_memory_bytes({.memory_available_bytes = 10 * kGB, .cgroup_memory_free_bytes = 2 * kGB}),
            2 * kGB - kHalfGiB);
  EXPECT_EQ(usable_memory_bytes({.memory_available_bytes = 10 * kGB, .node_free_bytes = 5 * kGB}),
            5 * kGB - kHalfGiB);
  EXPECT_EQ(usable_memory_bytes({.memory_available_bytes = 100 * kGB}), 97 * kGB);
}

TEST(UsableMemory, is_never_negative) {
  EXPECT_EQ(usable_memory_bytes({.memory_available_bytes = kGB / 10}), 0);
  EXPECT_EQ(usable_memory_bytes({.memory_available_bytes = kGB, .cgroup_memory_free_bytes = 0}), 0);
}

}  // namespace
}  // namespace oldiron::placement_test
