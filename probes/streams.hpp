// What moving memory costs when there are stores in it: writing, copying, adding, into the caches and past them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/abilities.hpp"
#include "core/buffer.hpp"
#include "core/machine.hpp"
#include "kernels/ops/stream.hpp"
#include "probes/bandwidth.hpp"

namespace oldiron {

/// The stores of one ISA.
struct StreamMover {
  std::string isa;
  StreamMoveFn move = nullptr;
};

/// Those that run here, fastest first.
std::vector<StreamMover> stream_movers();

struct StreamPlan {
  std::vector<int> cpus;           ///< one per thread of the largest count
  std::vector<int> nodes = {};     ///< of each; empty: all on one
  std::vector<int> thread_counts;  ///< ascending
  std::vector<StreamMover> movers;
  std::int64_t array_bytes = 64 << 20;  ///< of each of three arrays
  PageSize pages = PageSize::transparent;
  double budget_s = 20;
};

/// Arrays as large as the buffer that was read, where three of them may be had; on the pages that read fastest.
StreamPlan plan_streams(const Machine& machine, const MachineState& state, const std::vector<BandwidthPoint>& read);

/// Every kind with every ISA and number of threads, in the order of Abilities::streams. When the budget is used up the rest is
/// left out: all threads with the fastest ISA come first.
std::vector<StreamPoint> measure_streams(const StreamPlan& plan);

}  // namespace oldiron
