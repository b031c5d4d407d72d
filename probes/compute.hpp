// How fast the cores can multiply, per ISA and type of data: the denominator of every prefill.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/machine.hpp"
#include "kernels/peak.hpp"

namespace oldiron {

struct ComputePlan {
  std::vector<int> cpus;           ///< one per thread of the largest count
  std::vector<int> thread_counts;  ///< ascending
  std::vector<Peak> peaks;         ///< those that run here
  double budget_s = 2;
};

/// One thread, and all that may run; every row of the table that runs here.
ComputePlan plan_compute(const Machine& machine, const MachineState& state);

/// Each row with each number of threads, all of them at once. A rate under 95 % of what the instruction and
/// the clock allow is measured again while the budget lasts, and then tagged noisy with that reason.
std::vector<ComputePeak> measure_compute(const ComputePlan& plan);

}  // namespace oldiron
