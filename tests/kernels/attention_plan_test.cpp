// Every chunk of every token is computed once, and the ranks get equal shares.
#include "kernels/attention_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "kernels/ops/attention.hpp"

namespace oldiron::attention_plan_test {
namespace {

std::vector<StepToken> run(int sequence, int position, int count) {
  std::vector<StepToken> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back({0, sequence, position + i, false});
  return tokens;
}

std::vector<StepToken> operator+(std::vector<StepToken> a, const std::vector<StepToken>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Case {
  std::vector<StepToken> tokens;
  int heads_kv, group, window;
};

const Case kCases[] = {{run(0, 0, 1), 2, 8, 0},
                       {run(0, 32767, 1), 2, 8, 0},
                       {run(0, 5000, 1), 8, 2, 1024},
                       {run(0, 0, 512), 8, 2, 1024},
                       {run(0, 4000, 512), 2, 8, 0},
                       {run(0, 300, 2) + run(1, 7, 1) + run(2, 9000, 3), 2, 8, 0},
                       {run(0, 300, 70) + run(1, 7, 1), 1, 1, 100}};

TEST(AttentionPlan, GivesEveryChunkOfEveryTokenToOneRank) {
  for (const Case& c : kCases) {
    for (const int ranks : {1, 2, 3, 5, 16}) {
      AttentionPlan plan;
      plan_attention(c.tokens, c.heads_kv, c.group, c.window, ranks, plan);
      std::map<std::tuple<int, std::int64_t, std::int64_t>, int> times;
      std::map<int, std::set<std::int64_t>> slots;
      std::int64_t unit = 0;
      for (const AttentionItem& item : plan.items) {
        EXPECT_LE(item.count, std::max(1, 64 / c.group));
        EXPECT_LE(item.count, plan.tile_tokens);
        EXPECT_EQ(item.first_unit, unit);
        for (std::int64_t chunk = item.chunks.begin; chunk < item.chunks.end; ++chunk, ++unit) {
          const int rank = plan.rank_of(unit);
          EXPECT_TRUE(unit >= plan.units(rank).begin && unit < plan.units(rank).end);
          if (plan.cut(item)) {
            EXPECT_TRUE(slots[rank].insert(plan.slot(item, unit)).second) << "a slot of its own";
          }
          const Range seen = item.tokens_of(chunk, c.window);
          EXPECT_LT(seen.begin, seen.end);
          for (std::int64_t t = seen.begin; t < seen.end; ++t) ++times[{item.head_kv, item.first + t, chunk}];
        }
      }
      for (const auto& [rank, used] : slots) EXPECT_EQ(std::ssize(used), *used.rbegin() + 1) << "no gaps";
      std::size_t wanted = 0;
      for (std::size_t t = 0; t < c.tokens.size(); ++t) {
        const std::int64_t position = c.tokens[t].position;
        const std::int64_t begin = c.window == 0 ? 0 : std::max<std::int64_t>(0, position + 1 - c.window);
        for (int g = 0; g < c.heads_kv; ++g)
          for (std::int64_t chunk = begin / kAttentionChunk; chunk <= position / kAttentionChunk;
               ++chunk, ++wanted)
            EXPECT_EQ((times[{g, static_cast<std::int64_t>(t), chunk}]), 1);
      }
      EXPECT_EQ(times.size(), wanted);
    }
  }
}

// What store and attend do without a barrier between them when KV heads divide among the ranks.
TEST(AttentionPlan, KeepsWholeHeadsTogetherWhereTheyDivide) {
  for (const Case& c : kCases) {
    for (const int ranks : {1, 2, 4, 8}) {
      if (c.heads_kv % ranks != 0) continue;
      AttentionPlan plan;
      plan_attention(c.tokens, c.heads_kv, c.group, c.window, ranks, plan);
      for (const AttentionItem& item : plan.items) {
        EXPECT_FALSE(plan.cut(item));
        EXPECT_EQ(plan.rank_of(item.first_unit), item.head_kv / (c.heads_kv / ranks));
      }
    }
  }
}

TEST(AttentionPlan, BalancesLongContextsOverAnyRanks) {
  for (const int ranks : {2, 3, 4, 5}) {
    AttentionPlan plan;
    plan_attention(run(0, 32767, 1), 2, 8, 0, ranks, plan);
    for (int r = 0; r < ranks; ++r) {
      const Range units = plan.units(r);
      EXPECT_LE((units.end - units.begin) * ranks, 256 + 5) << "at most 2 % over its share";
    }
  }
}

}  // namespace
}  // namespace oldiron::attention_plan_test
