// What the cores of one NUMA node get from the memory of another.
#pragma once

#include <cstdint>
#include <vector>

#include "core/abilities.hpp"
#include "probes/bandwidth.hpp"

namespace oldiron {

struct NodePairPlan {
  struct Node {
    int number = 0;
    std::vector<int> cpus;  ///< those that read; the first one of a memory's node touches it
  };

  std::vector<Node> nodes;
  StreamReader reader = {};
  std::size_t prefetch_bytes = kStreamPrefetchBytes;
  std::int64_t bytes = 256 << 20;      ///< that are read, on one node after the other
  std::int64_t ring_bytes = 64 << 20;  ///< of the loads that wait for each other
  double budget_s = 20;
};

/// Nodes with cores that may be used; none if there is only one.
NodePairPlan plan_node_pairs(const Machine& machine, const MachineState& state);

/// Every node's cores on every node's memory, as long as the budget lasts. Where pages came to lie on another node than the one
/// whose core touched them first, a tag says how many. A node without cores is not measured.
std::vector<NodePair> measure_node_pairs(const NodePairPlan& plan);

}  // namespace oldiron
