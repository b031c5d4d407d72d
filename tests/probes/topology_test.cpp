#include "probes/topology.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/probes/machines.hpp"

namespace oldiron::topology_test {
namespace {

using Cpus = std::vector<int>;

Machine synthetic(const std::string& text, const Cpus& allowed = {}) {
  Machine machine;
  read_topology({TopologySource::Kind::synthetic, text}, allowed, machine);
  return machine;
}

/// Two sockets of 12 cores with SMT, CPUs numbered as Linux does: second hardware threads come after all
/// first ones.
std::string two_sockets() {
  std::string indexes;
  for (int core = 0; core < 24; ++core)
    indexes += (core ? "," : "") + std::to_string(core) + "," + std::to_string(core + 24);
  return "package:2 [numa] l3:1(size=31457280) l2:12(size=262144) core:1 pu:2(indexes=" + indexes + ")";
}

Cpus range(int first, int n) {
  Cpus cpus(static_cast<std::size_t>(n));
  std::iota(cpus.begin(), cpus.end(), first);
  return cpus;
}

TEST(Topology, two_sockets_with_smt) {
  const Machine machine = synthetic(two_sockets());
  EXPECT_EQ(machine.packages, 2);
  EXPECT_EQ(machine.nodes, 2);
  ASSERT_EQ(machine.cores.size(), 24U);
  EXPECT_EQ(machine.cores[13], (Core{.id = 13, .node = 1, .package = 1, .cpus = {13, 37}}));
  ASSERT_EQ(machine.caches.size(), 2U);
  EXPECT_EQ(machine.caches[0], (Cache{.level = 2, .bytes = 262144, .cores = 1, .instances = 24}));
  EXPECT_EQ(machine.caches[1], (Cache{.level = 3, .bytes = 31457280, .cores = 12, .instances = 2}));
}

TEST(Topology, places_physical_cores_node_by_node_then_second_threads) {
  const Machine machine = synthetic(two_sockets());
  EXPECT_EQ(place(machine, 12), range(0, 12));
  EXPECT_EQ(place(machine, 24), range(0, 24));
  EXPECT_EQ(place(machine, 48), range(0, 48));
}

TEST(Topology, epyc_with_four_nodes_per_socket) {
  const Machine machine = synthetic("package:1 group:4 [numa] l3:2(size=33554432) core:4 pu:2");
  EXPECT_EQ(machine.packages, 1);
  EXPECT_EQ(machine.nodes, 4);
  ASSERT_EQ(machine.cores.size(), 32U);
  EXPECT_EQ(machine.cores[8].node, 1);
  EXPECT_EQ(machine.cores[31].node, 3);
  ASSERT_EQ(machine.caches.size(), 1U);
  EXPECT_EQ(machine.caches[0], (Cache{.level = 3, .bytes = 33554432, .cores = 4, .instances = 8}));
  // Siblings are neighbours here: every second CPU first.
  EXPECT_EQ(place(machine, 3), (Cpus{0, 2, 4}));
  EXPECT_EQ(place(machine, 33).back(), 1);
}

TEST(Topology, one_core) {
  const Machine machine = synthetic("core:1 pu:1");
  ASSERT_EQ(machine.cores.size(), 1U);
  EXPECT_EQ(machine.packages, 1);
  EXPECT_EQ(machine.nodes, 1);
  EXPECT_EQ(machine.cores[0].cpus, Cpus{0});
}

TEST(Topology, cpus_without_cores) {
  const Machine machine = synthetic("pu:3");
  ASSERT_EQ(machine.cores.size(), 3U);
  EXPECT_EQ(machine.cores[2].cpus, Cpus{2});
}

TEST(Topology, a_cpuset_takes_cores_away_but_not_the_identity) {
  const Machine machine = synthetic(two_sockets(), {12, 13, 36});
  EXPECT_EQ(machine.packages, 2);
  EXPECT_EQ(machine.nodes, 2);
  ASSERT_EQ(machine.cores.size(), 2U);
  EXPECT_EQ(machine.cores[0].cpus, (Cpus{12, 36}));
  EXPECT_EQ(machine.cores[1].cpus, Cpus{13});
  EXPECT_EQ(place(machine, 3), (Cpus{12, 13, 36}));
}

TEST(Topology, hybrid_puts_fast_cores_first) {
  Machine machine;
  read_topology({TopologySource::Kind::xml_file, machine_tree("hybrid.xml")}, {}, machine);
  ASSERT_EQ(machine.cores.size(), 6U);
  EXPECT_EQ(machine.cores[0].efficiency, 0);
  EXPECT_EQ(machine.cores[5].efficiency, 1);
  EXPECT_EQ(place(machine, 6), (Cpus{4, 5, 0, 1, 2, 3}));
}

TEST(Topology, reads_this_machine) {
  Machine machine;
  read_topology({}, {}, machine);
  EXPECT_GE(machine.cores.size(), 1U);
  EXPECT_GE(machine.packages, 1);
}

TEST(Topology, what_hwloc_cannot_read_is_an_error) {
  EXPECT_THROW(synthetic("nonsense:2"), Error);
  Machine machine;
  EXPECT_THROW(read_topology({TopologySource::Kind::xml_file, "/nowhere.xml"}, {}, machine), Error);
}

}  // namespace
}  // namespace oldiron::topology_test
