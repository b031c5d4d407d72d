#include "core/power.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace oldiron::power_test {
namespace {

using testing::HasSubstr;

// 10 s of prompt at 150 W, 20 s of 100 tokens at 120 W.
const TurnPower kTurn{
    .prefill_w = 150, .decode_w = 120, .idle_w = 60, .prefill_s = 10, .decode_s = 20, .generate_tokens = 100};

TEST(Power, JoulesOfATokenAndOfATurn) {
  EXPECT_DOUBLE_EQ(decode_j_per_token(kTurn), 24);
  EXPECT_DOUBLE_EQ(turn_j(kTurn), 3900);
  EXPECT_EQ(decode_j_per_token({}), 0);
}

TEST(Power, CostOfAMachineThatIsAlwaysBusy) {
  // 3900 J for 100 tokens: 39 MJ, 10.8333 kWh a million.
  const Available<double> cost = cost_per_million_tokens(kTurn, {.price_per_kwh = 0.3});
  ASSERT_TRUE(cost);
  EXPECT_NEAR(*cost, 3.25, 1e-9);
}

TEST(Power, IdleHoursAreOnTheBill) {
  // 8 h are 960 turns of 3900 J, 16 h are idle at 60 W: 3.744 + 3.456 MJ for 96000 tokens.
  const Available<double> cost = cost_per_million_tokens(kTurn, {.price_per_kwh = 0.3, .hours_per_day = 8});
  ASSERT_TRUE(cost);
  EXPECT_NEAR(*cost, 7.2 / 3.6 * 0.3 / 0.096, 1e-9);
}

TEST(Power, SaysWhatIsMissing) {
  EXPECT_THAT(cost_per_million_tokens(kTurn, {}).reason(), HasSubstr("--price"));
  TurnPower no_idle = kTurn;
  no_idle.idle_w = 0;
  EXPECT_TRUE(cost_per_million_tokens(no_idle, {.price_per_kwh = 0.3}));
  EXPECT_THAT(cost_per_million_tokens(no_idle, {.price_per_kwh = 0.3, .hours_per_day = 8}).reason(),
              HasSubstr("--watts IDLE,LOADED"));
  EXPECT_THAT(cost_per_million_tokens({}, {.price_per_kwh = 0.3}).reason(), HasSubstr("no whole turn"));
}

}  // namespace
}  // namespace oldiron::power_test
