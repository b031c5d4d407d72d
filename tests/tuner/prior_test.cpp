// Ceilings, and what is not worth a trial.
#include "tuner/prior.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tuner/surface.hpp"

namespace oldiron::prior_test {
namespace {

class PriorTest : public testing::Test {
 protected:
  static Config threads(int decode, int prefill) {
    Config config;
    config.decode_threads = decode;
    config.prefill_threads = prefill;
    config.n_experts = 8;
    return config;
  }

  std::string hopeless(const Config& config, Phase phase, double reached) const {
    return why_hopeless({&model_, &profile_}, config, Workload{}, phase, {threads(8, 8), reached});
  }

  ModelSpec model_ = moe_model();
  Profile profile_ = profile_of({{1, 1e9}, {2, 2e9}, {8, 4e9}});
};

TEST_F(PriorTest, DecodeIsBoundByTheBandwidthOfItsThreads) {
  const double two = ceiling_tokens_per_s({&model_, &profile_}, threads(2, 8), Workload{}, Phase::decode, {});
  const double eight =
      ceiling_tokens_per_s({&model_, &profile_}, threads(8, 8), Workload{}, Phase::decode, {});
  EXPECT_NEAR(eight / two, 2, 1e-9);
}

TEST_F(PriorTest, OnlyWhatCannotWinByAQuarterIsGivenUp) {
  const double one = ceiling_tokens_per_s({&model_, &profile_}, threads(1, 8), Workload{}, Phase::decode, {});
  EXPECT_THAT(hopeless(threads(1, 8), Phase::decode, one * 1.3), testing::HasSubstr("1 threads"));
  EXPECT_EQ(hopeless(threads(1, 8), Phase::decode, one * 1.2), "");
}

TEST_F(PriorTest, PrefillScalesByThreadsWithRoomForTurbo) {
  EXPECT_NE(hopeless(threads(8, 2), Phase::prefill, 100), "");
  EXPECT_EQ(hopeless(threads(8, 4), Phase::prefill, 100), "");
}

TEST_F(PriorTest, OtherWeightsOrFewerExpertsAreNotBound) {
  Config config = threads(8, 1);
  config.n_experts = 4;
  EXPECT_EQ(hopeless(config, Phase::prefill, 100), "");
  config.n_experts = 8;
  config.repack = Switch::on;
  EXPECT_EQ(hopeless(config, Phase::prefill, 100), "");
}

TEST_F(PriorTest, NothingMeasuredPrunesNothing) {
  const Profile none;
  EXPECT_EQ(why_hopeless({&model_, &none}, threads(1, 1), Workload{}, Phase::decode, {threads(8, 8), 1e6}),
            "");
  EXPECT_EQ(why_hopeless({&model_, &profile_}, threads(1, 1), Workload{}, Phase::decode, {}), "");
  EXPECT_EQ(hopeless(threads(8, 1), Phase::prefill, 0), "");
}

TEST_F(PriorTest, ExpectationsScaleFromWhatWasMeasured) {
  const Prior prior = {&model_, &profile_};
  EXPECT_NEAR(expected_tokens_per_s(prior, threads(2, 8), Workload{}, Phase::decode, {threads(8, 8), 10}), 5,
              1e-9);
  EXPECT_NEAR(expected_tokens_per_s(prior, threads(8, 2), Workload{}, Phase::prefill, {threads(8, 8), 100}),
              25, 1e-9);
}

}  // namespace
}  // namespace oldiron::prior_test
