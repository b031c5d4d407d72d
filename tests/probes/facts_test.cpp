#include "probes/facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/probes/tree.hpp"

namespace oldiron::facts_test {
namespace {

using testing::HasSubstr;

constexpr const char* kHost = "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 63\nmodel name\t: Xeon\nstepping\t: 2\nmicrocode\t: 0x49\nflags\t\t: fpu avx avx2\n";

/// A host of two sockets, set up as badly as it goes.
Tree bad_host() {
  Tree tree;
  tree.add("/proc/cpuinfo", kHost)
      .add("/sys/devices/system/cpu/cpufreq/policy0/scaling_driver", "acpi-cpufreq\n")
      .add("/sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "powersave\n")
      .add("/sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq", "2400000\n")
      .add("/sys/devices/system/cpu/cpufreq/policy1/scaling_driver", "acpi-cpufreq\n")
      .add("/sys/devices/system/cpu/cpufreq/policy1/scaling_governor", "performance\n")
      .add("/sys/devices/system/cpu/cpufreq/policy1/scaling_min_freq", "1200000\n")
      .add("/sys/devices/system/cpu/cpufreq/policy1/scaling_max_freq", "2000000\n")
      .add("/sys/devices/system/cpu/cpufreq/policy1/cpuinfo_max_freq", "3200000\n")
      .add("/sys/devices/system/cpu/cpufreq/boost", "0\n")
      .add("/sys/devices/system/cpu/smt/control", "off\n")
      .add("/sys/devices/system/cpu/isolated", "2-3\n")
      .add("/sys/devices/system/cpu/vulnerabilities/mds", "Mitigation: Clear CPU buffers\n")
      .add("/sys/devices/system/cpu/vulnerabilities/l1tf", "Vulnerable\n")
      .add("/sys/devices/system/cpu/vulnerabilities/srbds", "Not affected\n")
      .add("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n")
      .add("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "1024\n")
      .add("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1000\n")
      .add("/sys/devices/system/node/online", "0-1\n")
      .add("/sys/devices/system/node/node0/distance", "10 21\n")
      .add("/sys/devices/system/node/node1/distance", "21 10\n")
      .add("/proc/sys/kernel/numa_balancing", "1\n")
      .add("/proc/meminfo", "MemTotal: 1000 kB\nSwapTotal: 3000 kB\nSwapFree: 1000 kB\n")
      .add("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 1000 0 -2\n/dev/zram0 partition\t2000 2000 100\n")
      .add("/proc/spl/kstat/zfs/arcstats", "13 1 0x01\nname type data\nsize                            4    8589934592\n")
      .add("/sys/module/zswap/parameters/enabled", "Y\n")
      .add("/proc/self/limits", "Limit Soft Hard Units\nMax locked memory         8388608              8388608              bytes\n")
      .add("/proc/self/status", "CapEff:\t0000000000000000\nCpus_allowed_list:\t0-3\nMems_allowed_list:\t0-1\n")
      .add("/proc/cmdline", "root=UUID=secret mitigations=off isolcpus=2-3 quiet\n")
      .add("/proc/stat", "cpu  100 0 100 5000 0 0 0 50 0 0\n")
      .add("/sys/bus/event_source/devices/cpu/type", "4\n")
      .add("/sys/class/dmi/id/sys_vendor", "Supermicro\n")
      .add("/sys/class/dmi/id/bios_version", "3.2\n");
  return tree;
}

TEST(Facts, reads_a_host) {
  const Tree tree = bad_host();
  Machine machine;
  machine.packages = 2;
  machine.nodes = 1;
  const Facts facts = read_facts(tree.root(), machine);
  EXPECT_EQ(*facts.cpu_signature, "family 6, model 63, stepping 2");
  EXPECT_EQ(*facts.microcode, "0x49");
  EXPECT_EQ(*facts.frequency_driver, "acpi-cpufreq");
  EXPECT_EQ(*facts.governor, "performance (1), powersave (1)");
  EXPECT_EQ(*facts.min_hz, 1.2e9);
  EXPECT_EQ(*facts.max_hz, 2.0e9) << "of the policy that is built to run fastest";
  EXPECT_EQ(*facts.built_max_hz, 3.2e9);
  EXPECT_FALSE(facts.base_hz);
  EXPECT_FALSE(*facts.turbo);
  EXPECT_EQ(facts.turbo.source, "/sys/devices/system/cpu/cpufreq/boost");
  EXPECT_EQ(*facts.smt, "off");
  EXPECT_EQ(*facts.mitigations, "1 on, 1 vulnerable, 1 not affected");
  EXPECT_EQ(*facts.transparent_huge_pages, "never");
  EXPECT_EQ(*facts.huge_pages, 1024);
  EXPECT_EQ(*facts.huge_pages_free, 1000);
  EXPECT_EQ(*facts.numa_balancing, 1);
  EXPECT_EQ(*facts.node_distances, "10 21 / 21 10");
  EXPECT_EQ(*facts.swap_bytes, 3000 * 1024);
  EXPECT_EQ(*facts.swap_used_bytes, 2000 * 1024);
  EXPECT_EQ(*facts.zram_bytes, 2000 * 1024);
  EXPECT_TRUE(*facts.zswap);
  EXPECT_EQ(*facts.arc_bytes, std::int64_t{8} << 30);
  EXPECT_EQ(*facts.memlock_bytes, 8388608);
  EXPECT_EQ(*facts.cpuset, "0-3");
  EXPECT_EQ(*facts.isolated_cpus, "2-3");
  EXPECT_EQ(*facts.kernel_options, "mitigations=off isolcpus=2-3") << "disks and hosts are nobody's business";
  EXPECT_DOUBLE_EQ(*facts.steal, 0.2);
  EXPECT_TRUE(*facts.performance_counters);
  EXPECT_EQ(*facts.board, "Supermicro");
  EXPECT_EQ(*facts.bios, "3.2");
  EXPECT_THAT(*facts.node_setting, HasSubstr("node interleaving"));
}

TEST(Facts, the_capability_lifts_the_limit_of_locked_memory) {
  Tree tree = bad_host();
  tree.add("/proc/self/status", "CapEff:\t000001ffffffffff\n");
  EXPECT_EQ(*read_facts(tree.root(), {}).memlock_bytes, -1);
}

TEST(Facts, the_mark_of_docker_on_a_disk_of_its_own_is_no_container) {
  Tree tree;
  tree.add("/.dockerenv", "").add("/proc/self/mountinfo", "26 1 254:0 / / rw - ext4 /dev/vda rw\n");
  EXPECT_EQ(*read_facts(tree.root(), {}).container, "none seen");
  tree.add("/proc/self/mountinfo", "26 1 0:28 / / rw - overlay overlay rw,lowerdir=/x\n");
  EXPECT_EQ(*read_facts(tree.root(), {}).container, "docker");
}

TEST(Facts, a_guest_is_told_to_look_at_its_host) {
  Tree tree;
  tree.add("/proc/cpuinfo", kHost);
  Machine guest;
  guest.hypervisor = "KVM";
  guest.packages = guest.nodes = 1;
  const Facts facts = read_facts(tree.root(), guest);
  EXPECT_THAT(facts.governor.value.reason(), HasSubstr("hypervisor"));
  EXPECT_THAT(facts.governor.how_to_get, HasSubstr("on the host"));
  EXPECT_THAT(facts.hidden_nodes.how_to_get, HasSubstr("numactl -H"));
  EXPECT_EQ(*facts.hidden_features, "f16c, fma") << "a Haswell has them";
}

TEST(Facts, every_one_has_a_value_or_a_reason) {
  for (const std::string& root : {std::string("/nowhere"), std::string("/")}) {
    Machine machine;
    for (const FactView& fact : fact_views(read_facts(root, machine))) {
      EXPECT_EQ(fact.text.empty(), !fact.reason.empty()) << root << " " << fact.name;
      EXPECT_EQ(fact.text.empty(), fact.source.empty()) << root << " " << fact.name;
      EXPECT_NE(fact.reason, "not read") << root << " " << fact.name;
    }
  }
}

}  // namespace
}  // namespace oldiron::facts_test
