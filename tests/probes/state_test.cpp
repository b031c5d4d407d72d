#include "probes/state.hpp"

#include <gtest/gtest.h>

#include "tests/probes/machines.hpp"

#include "core/text.hpp"

namespace oldiron::state_test {
namespace {

TEST(State, quota_and_memory_of_a_v2_group) {
  const MachineState state = read_state(machine_tree("cgroup_v2"));
  EXPECT_EQ(state.allowed_cpus, 8);
  EXPECT_DOUBLE_EQ(state.cpu_quota, 1.5);
  EXPECT_EQ(state.memory_available_bytes, 30'000'000 * kKiB);
  EXPECT_EQ(state.cgroup_memory_free_bytes, 1'250'000'000);
  EXPECT_EQ(state.node_free_bytes, (20'000'000 + 4'000'000 + 5'000'000 + 600'000) * kKiB);
  EXPECT_DOUBLE_EQ(state.load_1min, 0.52);
  EXPECT_EQ(state.steal_fraction, 0);
}

TEST(State, cpuset_of_one_cpu) {
  const std::string tree = machine_tree("cgroup_v1_container");
  EXPECT_EQ(allowed_cpus(tree), std::vector<int>{5});
  EXPECT_EQ(read_state(tree).allowed_cpus, 1);
}

TEST(State, one_thread_where_the_quota_is_one_and_a_half) {
  Machine machine;
  machine.cores.resize(8);
  EXPECT_EQ(usable_threads(machine, read_state(machine_tree("cgroup_v2"))), 1);
}

TEST(State, free_memory_of_the_allowed_node_only) {
  const MachineState state = read_state(machine_tree("two_nodes"));
  EXPECT_EQ(state.allowed_cpus, 24);
  EXPECT_EQ(state.node_free_bytes, (40'000'000 + 1'000'000 + 2'000'000 + 100'000) * kKiB);
  EXPECT_EQ(state.cgroup_memory_free_bytes, -1);
  EXPECT_EQ(state.cpu_quota, 0);
}

TEST(State, nodes_that_do_not_add_up_to_the_memory_say_nothing) {
  const MachineState state = read_state(machine_tree("firecracker"));
  EXPECT_EQ(state.node_free_bytes, -1);
  EXPECT_EQ(usable_memory_bytes(state), 24'161'812 * kKiB - 24'161'812 * kKiB / 100 * 3);
}

TEST(State, reads_this_machine) {
  const MachineState state = read_state("/", 0.01);
  EXPECT_GE(state.allowed_cpus, 1);
  EXPECT_GT(state.memory_available_bytes, 0);
  EXPECT_GE(state.steal_fraction, 0);
  EXPECT_GE(state.other_cpu_fraction, 0);
}

}  // namespace
}  // namespace oldiron::state_test
