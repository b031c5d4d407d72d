// Pieces of a product's rows: every row once, long runs first, and nobody waits for more than a short piece.
#include "kernels/row_split.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/team.hpp"

namespace oldiron {
namespace {

TEST(RowSplit, PiecesHaveEveryRowOnceAndEndShort) {
  for (const std::int64_t begin : {0, 352})
    for (const std::int64_t rows : {1, 15, 16, 32, 33, 704, 2816, 262144})
      for (const auto &[ranks, step] : {std::pair{1, 32}, {2, 32}, {3, 128}, {8, 32}}) {
        std::int64_t next = begin, before = rows, i = 0;
        for (Range p; (p = RowSplit::piece({begin, begin + rows}, ranks, i, step)).begin < p.end; ++i) {
          ASSERT_EQ(p.begin, next) << rows << " between " << ranks;
          const std::int64_t height = p.end - p.begin;
          EXPECT_TRUE(height % step == 0 || p.end == begin + rows) << height;
          EXPECT_LE(height, before);
          before = height;
          next = p.end;
        }
        EXPECT_EQ(next, begin + rows);
        EXPECT_LE(before, step) << rows << " between " << ranks;
        EXPECT_LE(i, ranks * 16);
      }
  EXPECT_EQ(RowSplit::piece({0, 2816}, 2, 0, 32), (Range{0, 704}));
}

TEST(RowSplit, RanksShareARunBetweenThem) {
  Team team({-1, -1, -1});
  for (const bool pieces : {false, true}) {
    RowSplit split = pieces ? RowSplit(2, 1) : RowSplit();
    for (int step = 0; step < 3; ++step) {
      std::vector<std::atomic<int>> seen(1000);
      split.reset();
      team.run(3, [&](int rank, int active) {
        split.each(team, rank, active, 1, 1000, 32, [&](Range rows) {
          for (std::int64_t row = rows.begin; row < rows.end; ++row) ++seen[static_cast<std::size_t>(row)];
        });
      });
      EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](const std::atomic<int>& n) { return n == 1; })) << pieces;
    }
  }
}

}  // namespace
}  // namespace oldiron
