#include "probes/identity.hpp"

#include <gtest/gtest.h>

#include "tests/probes/machines.hpp"

namespace oldiron::identity_test {
namespace {

TEST(Identity, reads_a_tree) {
  Machine machine;
  read_identity(machine_tree("cgroup_v2"), machine);
  EXPECT_EQ(machine.cpu_model, "Intel(R) Xeon(R) CPU E5-2680 v2 @ 2.80GHz");
  EXPECT_EQ(machine.hypervisor, "unknown hypervisor");
  EXPECT_EQ(machine.kernel, "6.1.0-18-amd64");
  EXPECT_EQ(machine.transparent_huge_pages, "madvise");
  EXPECT_EQ(machine.memory_bytes, std::int64_t{32'000'000} * 1024);
  EXPECT_FALSE(machine.modules);
}

TEST(Identity, says_what_it_does_not_know) {
  Machine machine;
  read_identity("/nowhere", machine);
  EXPECT_EQ(machine.cpu_model, "unknown CPU");
  EXPECT_EQ(machine.hypervisor, "");
  EXPECT_EQ(machine.kernel, "unknown");
  EXPECT_EQ(machine.transparent_huge_pages, "not known: no /sys/kernel/mm/transparent_hugepage");
  EXPECT_EQ(machine.modules.reason(), "no /sys/firmware/dmi/tables/DMI (usual on virtual machines)");
}

}  // namespace
}  // namespace oldiron::identity_test
