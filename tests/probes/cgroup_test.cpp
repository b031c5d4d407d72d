#include "probes/cgroup.hpp"

#include <gtest/gtest.h>

#include "tests/probes/machines.hpp"

namespace oldiron::cgroup_test {
namespace {

TEST(Cgroup, v2_takes_the_least_of_all_parents) {
  const CgroupLimits limits = read_cgroup(machine_tree("cgroup_v2"));
  EXPECT_DOUBLE_EQ(limits.cpu_quota, 1.5);
  // memory.max of the parent 2 GB, 1.5 GB in use of which 0.75 GB are cached files.
  EXPECT_EQ(limits.memory_free_bytes, 1'250'000'000);
  EXPECT_EQ(limits.throttled, 7);
  EXPECT_DOUBLE_EQ(limits.throttled_s, 0.34);
}

TEST(Cgroup, v1_in_a_container_with_paths_of_the_host) {
  const CgroupLimits limits = read_cgroup(machine_tree("cgroup_v1_container"));
  EXPECT_DOUBLE_EQ(limits.cpu_quota, 2.5);
  // Its own limit is none; that of a parent which it cannot see is 4 GB.
  EXPECT_EQ(limits.memory_free_bytes, 3'400'000'000);
  EXPECT_EQ(limits.throttled, 3);
  EXPECT_DOUBLE_EQ(limits.throttled_s, 1.5);
}

TEST(Cgroup, hybrid_without_limits) { EXPECT_EQ(read_cgroup(machine_tree("firecracker")), CgroupLimits{}); }

TEST(Cgroup, none_at_all) {
  EXPECT_EQ(read_cgroup(machine_tree("two_nodes")), CgroupLimits{});
  EXPECT_EQ(read_cgroup("/nowhere"), CgroupLimits{});
}

TEST(Cgroup, reads_this_machine) {
  const CgroupLimits limits = read_cgroup();
  EXPECT_GE(limits.cpu_quota, 0);
  EXPECT_GE(limits.memory_free_bytes, -1);
}

}  // namespace
}  // namespace oldiron::cgroup_test
