#include "probes/doctor/doctor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace oldiron::doctor_test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

template <class T>
Fact<T> known(T value) {
  return Fact<T>::known(std::move(value), "test");
}

/// A server on which nothing is to be found.
Patient healthy() {
  Patient p;
  p.machine.packages = p.machine.nodes = 2;
  p.machine.cores.resize(24);
  p.machine.memory_bytes = 64'000'000'000;
  p.machine.modules = MemoryModules{.type = "DDR4", .populated = 8, .slots = 8, .transfers_per_s = 2400e6,
                                    .rated_transfers_per_s = 2400e6, .channels = 8, .all_channels = 8};
  p.state.memory_available_bytes = 50'000'000'000;
  Facts& f = p.facts;
  f.governor = known<std::string>("performance");
  f.frequency_driver = known<std::string>("acpi-cpufreq");
  f.min_hz = known(1.2e9);
  f.max_hz = known(3.2e9);
  f.built_max_hz = known(3.2e9);
  f.base_hz = known(2.4e9);
  f.turbo = Fact<bool>::known(true, "/sys/devices/system/cpu/cpufreq/boost");
  f.clock_source = known<std::string>("tsc");
  f.transparent_huge_pages = known<std::string>("always");
  f.huge_pages = f.huge_pages_free = known(std::int64_t{0});
  f.memlock_bytes = known(std::int64_t{-1});
  f.swap_bytes = f.swap_used_bytes = f.zram_bytes = f.arc_bytes = known(std::int64_t{0});
  f.swappiness = known(std::int64_t{60});
  f.numa_balancing = f.zone_reclaim = known(std::int64_t{0});
  f.container = known<std::string>("none seen");
  f.steal = known(0.0);
  f.hidden_features = known<std::string>("none: this is no guest");
  f.node_setting = known<std::string>("one node a socket");
  f.performance_counters = known(true);
  return p;
}

std::vector<std::string> ids(const Patient& patient) {
  std::vector<std::string> ids;
  for (const Finding& finding : diagnose(patient).findings) ids.push_back(finding.id);
  return ids;
}

/// The only finding.
Finding only(const Patient& patient) {
  const auto findings = diagnose(patient).findings;
  EXPECT_EQ(findings.size(), 1U);
  return findings.empty() ? Finding{} : findings[0];
}

TEST(Doctor, finds_nothing_where_nothing_is) {
  const Diagnosis diagnosis = diagnose(healthy());
  EXPECT_THAT(ids(healthy()), IsEmpty());
  EXPECT_THAT(diagnosis.not_checked, IsEmpty());
  EXPECT_THAT(diagnosis.fine, Contains("governor"));
}

TEST(Doctor, what_cannot_be_read_is_named_and_not_found) {
  const Diagnosis diagnosis = diagnose(Patient{});
  EXPECT_THAT(diagnosis.findings, IsEmpty());
  EXPECT_THAT(diagnosis.not_checked, Contains("governor: not read"));
}

TEST(Doctor, a_pinned_governor_costs_what_the_clock_does) {
  Patient p = healthy();
  p.facts.governor = known<std::string>("powersave");
  const Finding found = only(p);
  EXPECT_EQ(found.id, "governor");
  EXPECT_NEAR(found.stake.high, 3.2 / 1.2 - 1, 1e-9);
  EXPECT_THAT(found.fix, HasSubstr("echo performance | sudo tee"));
  EXPECT_THAT(found.undo, HasSubstr("echo powersave | sudo tee"));
  p.facts.frequency_driver = known<std::string>("intel_pstate");
  EXPECT_EQ(only(p).stake.basis, StakeBasis::unknown) << "this driver's powersave raises the clock by itself";
}

TEST(Doctor, turbo_is_turned_the_way_its_file_counts) {
  Patient p = healthy();
  p.facts.turbo = Fact<bool>::known(false, "/sys/devices/system/cpu/cpufreq/boost");
  EXPECT_THAT(only(p).fix, HasSubstr("echo 1"));
  p.facts.turbo = Fact<bool>::known(false, "/sys/devices/system/cpu/intel_pstate/no_turbo");
  EXPECT_THAT(only(p).fix, HasSubstr("echo 0"));
  EXPECT_NEAR(only(p).stake.high, 3.2 / 2.4 - 1, 1e-9);
}

TEST(Doctor, empty_channels_are_named_by_their_slots) {
  Patient p = healthy();
  MemoryModules& m = *p.machine.modules;
  m.channels = 2;
  m.all_channels = 4;
  m.table = {{.slot = "A1", .channel = "A", .bytes = 1}, {.slot = "A2", .channel = "A"}, {.slot = "B1", .channel = "B", .bytes = 1},
             {.slot = "C1", .channel = "C"}, {.slot = "C2", .channel = "C"}, {.slot = "D1", .channel = "D"}};
  const Finding found = only(p);
  EXPECT_EQ(found.id, "memory_channels");
  EXPECT_DOUBLE_EQ(found.stake.high, 1);
  EXPECT_THAT(found.fix, HasSubstr(": C1, D1"));
}

TEST(Doctor, huge_pages_cost_what_was_measured) {
  Patient p = healthy();
  p.facts.transparent_huge_pages = known<std::string>("madvise");
  EXPECT_EQ(only(p).stake.basis, StakeBasis::unknown);
  p.huge_pages = HugePageEffect{.model = "m", .small_tokens_per_s = 10, .transparent_tokens_per_s = 11,
                                .speedup = {.median = 1.1, .interval = {1.05, 1.15}}};
  const Finding found = only(p);
  EXPECT_EQ(found.stake.basis, StakeBasis::measured);
  EXPECT_NEAR(found.stake.low, 0.05, 1e-9);
  EXPECT_NEAR(found.stake.high, 0.15, 1e-9);
  EXPECT_THAT(found.undo, HasSubstr("echo madvise"));
}

TEST(Doctor, settings_of_the_kernel_are_made_outside_a_container) {
  Patient p = healthy();
  p.facts.transparent_huge_pages = known<std::string>("never");
  EXPECT_EQ(only(p).place, Place::here);
  p.facts.container = known<std::string>("lxc");
  EXPECT_EQ(only(p).place, Place::container_host);
}

TEST(Doctor, root_needs_no_sudo) {
  Patient p = healthy();
  p.facts.numa_balancing = known(std::int64_t{1});
  EXPECT_EQ(only(p).fix, "sudo sysctl -w kernel.numa_balancing=0");
  p.root = true;
  EXPECT_EQ(only(p).fix, "sysctl -w kernel.numa_balancing=0");
}

TEST(Doctor, one_node_has_nothing_to_balance) {
  Patient p = healthy();
  p.facts.numa_balancing = known(std::int64_t{1});
  p.machine.nodes = 1;
  EXPECT_THAT(ids(p), IsEmpty());
}

TEST(Doctor, the_most_at_stake_comes_first) {
  Patient p = healthy();
  p.facts.hidden_features = known<std::string>("avx2, fma");
  p.facts.performance_counters = known(false);
  p.facts.memlock_bytes = known(std::int64_t{8'000'000});
  p.facts.swap_used_bytes = known(std::int64_t{9'000'000'000});
  p.facts.steal = known(0.04);
  p.state.cpu_quota = 8;
  EXPECT_EQ(ids(p), (std::vector<std::string>{"hidden_features", "cpu_quota", "steal", "swap_used", "memlock",
                                              "performance_counters"}));
}

TEST(Doctor, every_finding_says_what_to_do_and_how_to_undo_it) {
  Patient p = healthy();
  Facts& f = p.facts;
  f.governor = known<std::string>("ondemand");
  f.max_hz = known(2e9);
  f.turbo = known(false);
  f.clock_source = known<std::string>("hpet");
  f.transparent_huge_pages = known<std::string>("never");
  f.huge_pages = f.huge_pages_free = known(std::int64_t{20000});
  f.memlock_bytes = known(std::int64_t{65536});
  f.swap_bytes = f.swap_used_bytes = known(std::int64_t{9'000'000'000});
  f.numa_balancing = f.zone_reclaim = known(std::int64_t{1});
  f.arc_bytes = known(std::int64_t{30'000'000'000});
  f.hidden_features = known<std::string>("avx2");
  f.node_setting = known<std::string>("one node over 2 sockets: node interleaving");
  f.steal = known(0.1);
  f.performance_counters = known(false);
  p.state.cpu_quota = 1.5;
  (*p.machine.modules).rated_transfers_per_s = 2933e6;
  (*p.machine.modules).channels = 4;
  const auto findings = diagnose(p).findings;
  EXPECT_EQ(findings.size(), 19U);
  for (const Finding& finding : findings)
    for (const std::string& text : {finding.what, finding.why, finding.fix, finding.undo}) EXPECT_NE(text, "") << finding.id;
}

}  // namespace
}  // namespace oldiron::doctor_test
