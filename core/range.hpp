// Range: a stretch of rows or columns, and its shares. Alone, so that kernels do not see the levers.
#pragma once

#include <cstdint>

namespace oldiron {

struct Range {
  std::int64_t begin = 0, end = 0;
  bool operator==(const Range&) const = default;
};

/// Rank's contiguous share of [0, n), in multiples of `step` (the last share may end at n).
Range share(std::int64_t n, std::int64_t step, int rank, int size);

/// What ranks [ranks.begin, ranks.end) of `size` have together by share().
Range share_of(std::int64_t n, std::int64_t step, Range ranks, int size);

/// Piece `i` of `all` between `ranks` that take the next one whenever they are free, in multiples of `step`. Each round
/// hands out half of what is left, a piece for every rank: they begin with long ones, and none waits for more than a
/// last short one. One alone takes all at once. Empty behind the last.
Range halving_piece(Range all, std::int64_t ranks, std::int64_t i, std::int64_t step);

}  // namespace oldiron
