#include "kernels/row_split.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/team.hpp"

namespace oldiron::row_split_test {
namespace {

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
}  // namespace oldiron::row_split_test
