// Who multiplies which rows of a product: a fixed share each, or pieces for whoever comes next.
#pragma once

#include <atomic>
#include <vector>

#include "core/team.hpp"
#include "kernels/layout.hpp"

namespace oldiron {

/// Counters of pieces handed out, one per product of a step and NUMA node. Rows never leave the node whose
/// ranks touched them first.
class RowSplit {
 public:
  /// Without counters: every rank has its one share.
  RowSplit() = default;

  RowSplit(std::int64_t products, int ranks) : ranks_(ranks), next_(static_cast<std::size_t>(products * ranks)) {}

  /// Between steps: everything is there to be handed out again.
  void reset() {
    for (std::atomic<std::int64_t>& next : next_) next.store(0, std::memory_order_relaxed);
  }

  /// Calls f(Range) for each piece of [0, rows) that falls to this rank, in multiples of 16 rows. Every rank
  /// of a run calls it once per product, with the same arguments; `whole`: one share each whatever the counters.
  template <class F>
  void each(const Team& team, int rank, int active, std::int64_t product, std::int64_t rows, bool whole, F f) {
    if (whole || next_.empty()) {
      const Range own = share(rows, kGroupRows, rank, active);
      if (own.begin < own.end) f(own);
      return;
    }
    const Range ranks = team.node_ranks(rank);
    const Range node = share_of(rows, kGroupRows, ranks, active);
    const std::int64_t wanted = kPiecesPerRank * (ranks.end - ranks.begin);
    const std::int64_t piece = ((node.end - node.begin) / wanted / kStep + 1) * kStep;
    std::atomic<std::int64_t>& next = next_[static_cast<std::size_t>(product * ranks_ + ranks.begin)];
    while (true) {
      const std::int64_t begin = node.begin + next.fetch_add(1, std::memory_order_relaxed) * piece;
      if (begin >= node.end) return;
      f(Range{begin, std::min(begin + piece, node.end)});
    }
  }

 private:
  static constexpr std::int64_t kPiecesPerRank = 4;  // others take all but the last quarter of a late rank's share
  static constexpr std::int64_t kStep = 2 * kGroupRows;

  int ranks_ = 0;
  std::vector<std::atomic<std::int64_t>> next_;  ///< [product][first rank of a node]
};

}  // namespace oldiron
