#include "kernels/peak.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace oldiron::peak_test {
namespace {

TEST(PeakTest, OneRowPerIsaAndTypeSlowestFirst) {
  std::set<std::pair<Isa, ComputeType>> seen;
  Isa before = Isa::scalar;
  for (const Peak& peak : peaks()) {
    EXPECT_TRUE(seen.insert({peak.isa, peak.type}).second) << peak.instruction;
    EXPECT_GE(peak.isa, before) << peak.instruction;
    before = peak.isa;
  }
  EXPECT_TRUE(seen.contains({Isa::avx2, ComputeType::int8}));
  EXPECT_TRUE(seen.contains({Isa::avx512_vnni, ComputeType::int8}));
}

TEST(PeakTest, EveryLoopThatRunsHereIsAsLongAsItsRounds) {
  for (const Peak& peak : peaks()) {
    if (!runs_here(peak.isa)) continue;
    EXPECT_GT(peak_rounds(peak), 0) << peak.instruction;
    const PeakSample sample = sample_peak(peak, 100);
    EXPECT_GT(sample.instructions_per_s, 0);
    EXPECT_GT(sample.clock_hz, 0);
  }
}

TEST(PeakTest, ARateBelongsToTheNextHalfOrWholeNumberACycle) {
  EXPECT_EQ(built_per_cycle(1.98), 2);
  EXPECT_EQ(built_per_cycle(2.03), 2) << "two clocks, read at two moments";
  EXPECT_EQ(built_per_cycle(1.7), 2);
  EXPECT_EQ(built_per_cycle(1.49), 1.5);
  EXPECT_EQ(built_per_cycle(0.99), 1);
  EXPECT_EQ(built_per_cycle(0.8), 1);
  EXPECT_EQ(built_per_cycle(0.5), 0.5);
  EXPECT_EQ(built_per_cycle(1 / 16.1), 1.0 / 16) << "a tile";
  EXPECT_EQ(built_per_cycle(0), 0);
}

TEST(PeakTest, UnderNinetyFivePercentOfThatIsNoPeak) {
  const Peak peak{.isa = Isa::avx2,
                  .type = ComputeType::int8,
                  .instruction = "vpmaddubsw",
                  .operations = 64,
                  .loop = nullptr};
  EXPECT_EQ(why_no_peak(peak, 1.91), "");
  EXPECT_EQ(why_no_peak(peak, 2.04), "");
  EXPECT_EQ(why_no_peak(peak, 0.97), "");
  EXPECT_THAT(why_no_peak(peak, 1.89), testing::HasSubstr("1.89 vpmaddubsw a cycle"));
  EXPECT_NE(why_no_peak(peak, 0.66), "");
  EXPECT_NE(why_no_peak(peak, 0), "");
}

}  // namespace
}  // namespace oldiron::peak_test
