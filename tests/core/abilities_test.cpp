#include "core/abilities.hpp"

#include <gtest/gtest.h>

namespace oldiron::abilities_test {
namespace {

Measurement of(double sample) { return summarise("x", "", {sample}); }

TEST(Abilities, AppendJoinsWhatMeasuresTheSame) {
  const auto pass = [](double x) {
    return Abilities{.latency = {{1024, "small", 0, of(x)}, {1024, "transparent", 0, of(x + 1)}},
                     .loaded_latency = {{1, 1e-6, of(x), of(x + 1)}},
                     .blocks = {{4096, 2, of(x)}},
                     .hand_overs = {{0, 1, of(x)}},
                     .barriers = {{2, of(x)}},
                     .streams = {{"copy", "avx2", 1, 9, of(x), 1.5}, {"copy", "avx2", 2, 9, of(x + 1), 1.5}},
                     .node_pairs = {{0, 1, 2, of(x), of(x + 1)}}};
  };
  Abilities first = pass(10), later = pass(20);
  std::swap(later.latency[0], later.latency[1]);
  later.streams.pop_back();
  append(first, later);
  using Samples = std::vector<double>;
  EXPECT_EQ(first.latency[0].s.samples, (Samples{10, 20}));
  EXPECT_EQ(first.latency[1].s.samples, (Samples{11, 21}));
  EXPECT_EQ(first.loaded_latency[0].bytes_per_s.samples, (Samples{10, 20}));
  EXPECT_EQ(first.loaded_latency[0].s.samples, (Samples{11, 21}));
  EXPECT_EQ(first.blocks[0].bytes_per_s.samples, (Samples{10, 20}));
  EXPECT_EQ(first.hand_overs[0].s.samples, (Samples{10, 20}));
  EXPECT_EQ(first.barriers[0].s.samples, (Samples{10, 20}));
  EXPECT_EQ(first.streams[0].bytes_per_s.samples, (Samples{10, 20}));
  EXPECT_EQ(first.streams[1].bytes_per_s.samples, (Samples{11})) << "the later pass had no time for it";
  EXPECT_EQ(first.node_pairs[0].bytes_per_s.samples, (Samples{10, 20}));
  EXPECT_EQ(first.node_pairs[0].s.samples, (Samples{11, 21}));
}

}  // namespace
}  // namespace oldiron::abilities_test
