// Who multiplies which rows of a product: a fixed share each, or pieces for whoever comes next.
#pragma once

#include <atomic>
#include <vector>

#include "core/range.hpp"
#include "core/team.hpp"
#include "kernels/layout.hpp"

namespace oldiron {

/// The shortest pieces. Where many columns are multiplied, each call lays them out anew.
inline constexpr std::int64_t kSmallStepRows = 32, kLargeStepRows = 128;

/// Counters of pieces handed out, one per product of a step and NUMA node. Rows never leave the node whose
/// ranks touched them first.
class RowSplit {
 public:
  /// Without counters: every rank has its one share.
  RowSplit() = default;

  RowSplit(std::int64_t products, int nodes) : nodes_(nodes), next_(static_cast<std::size_t>(products * nodes)) {}

  /// Between steps: everything is there to be handed out again.
  void reset() {
    for (std::atomic<std::int64_t>& next : next_) next.store(0, std::memory_order_relaxed);
  }

  /// Calls f(Range) for each piece of [0, rows) that falls to this rank, in multiples of 16 rows, the last of them of
  /// about `step`. Every rank of a run calls it once per product, with the same arguments.
  template <class F>
  void each(const Team& team, int rank, int active, std::int64_t product, std::int64_t rows, std::int64_t step, F f) {
    if (next_.empty()) {
      const Range own = share(rows, kGroupRows, rank, active);
      if (own.begin < own.end) f(own);
      return;
    }
    const Range ranks = team.node_ranks(rank);
    const Range node = share_of(rows, kGroupRows, ranks, active);
    std::atomic<std::int64_t>& next = next_[static_cast<std::size_t>(product * nodes_ + team.node(rank))];
    while (true) {
      const Range own = halving_piece(node, ranks.end - ranks.begin, next.fetch_add(1, std::memory_order_relaxed), step);
      if (own.begin >= own.end) return;
      f(own);
    }
  }

 private:
  int nodes_ = 0;
  std::vector<std::atomic<std::int64_t>> next_;  ///< [product][node]
};

}  // namespace oldiron
