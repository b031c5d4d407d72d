// Whether the caches help a decode: one token's bytes, read again and again, beside a set four times as
// large.
#pragma once

#include <cstdint>
#include <vector>

#include "core/machine.hpp"
#include "probes/memory_reader.hpp"

namespace oldiron {

struct CyclicPlan {
  std::vector<int> cpus;        ///< one per thread
  std::vector<int> nodes = {};  ///< of each; empty: all on one
  StreamReadFn read = nullptr;
  std::size_t prefetch_bytes = kStreamPrefetchBytes;
  PageSize pages = PageSize::transparent;
  std::int64_t token_bytes = 0;
  std::int64_t most_bytes = 0;  ///< what memory allows
  double budget_s = 8;
};

/// The way of reading that won at the largest thread count of `profile`, on its CPUs.
CyclicPlan plan_cyclic_read(const Machine& machine, const MachineState& state, const Profile& profile,
                            std::int64_t token_bytes);

/// Both sets in turns on the same fresh pages, at least 6 pairs, more while the budget lasts. Not available
/// where memory does not allow twice the token's bytes; between two and four times that the set is as large
/// as allowed.
Available<CyclicRead> measure_cyclic_read(const CyclicPlan& plan);

}  // namespace oldiron
