// What it costs threads to meet: a cache line from core to core, and a barrier.
#pragma once

#include <vector>

#include "core/abilities.hpp"
#include "core/machine.hpp"

namespace oldiron {

struct HandOverPlan {
  std::vector<int> cpus;   ///< one per core
  std::vector<int> nodes;  ///< of each; empty: all on one
  double budget_s = 2;
};

HandOverPlan plan_hand_overs(const Machine& machine, const MachineState& state);

/// Every pair of cores while the budget lasts, those with the first core first. Empty with one core.
std::vector<HandOver> measure_hand_overs(const HandOverPlan& plan);

/// For 2, 4, 8 … and all threads.
std::vector<BarrierPoint> measure_barriers(const HandOverPlan& plan);

}  // namespace oldiron
