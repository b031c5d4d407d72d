#include "core/routing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "core/check.hpp"

namespace oldiron::routing_test {
namespace {

const Routing kIndependent;

Routing sticky(double kept) { return {.kind = Routing::Kind::sticky, .kept = kept}; }

Routing zipf(double exponent) { return {.kind = Routing::Kind::zipf, .exponent = exponent}; }

TEST(Routing, IndependentTokensTouchThePublishedNumbers) {
  const double eight[][2] = {{1, 8},    {2, 15.5},  {3, 22.5},   {4, 29.1},  {5, 35.3},
                             {8, 51.6}, {16, 82.4}, {32, 111.8}, {64, 125.9}};
  for (const auto& [tokens, distinct] : eight)
    EXPECT_NEAR(distinct_experts(kIndependent, 128, 8, static_cast<int>(tokens)), distinct, 0.051);
  EXPECT_NEAR(distinct_experts(kIndependent, 8, 2, 4), 5.5, 0.051);
  EXPECT_NEAR(distinct_experts(kIndependent, 256, 8, 4), 30.5, 0.051);
  EXPECT_EQ(distinct_experts(kIndependent, 0, 0, 4), 0);
  EXPECT_EQ(distinct_experts(kIndependent, 8, 8, 4), 8);
}

TEST(Routing, OneTokenTouchesWhatItUses) {
  for (const Routing& routing : {kIndependent, zipf(0), zipf(1.2), sticky(0), sticky(0.5), sticky(1)})
    EXPECT_NEAR(distinct_experts(routing, 128, 8, 1), 8, 1e-9) << to_string(routing);
}

TEST(Routing, EndsOfTheScalesAreTheOtherSettings) {
  for (const int tokens : {2, 3, 5, 16}) {
    const double independent = distinct_experts(kIndependent, 128, 8, tokens);
    EXPECT_NEAR(distinct_experts(sticky(8.0 / 128), 128, 8, tokens), independent, 1e-9);
    EXPECT_NEAR(distinct_experts(zipf(0), 128, 8, tokens), independent, 1e-6);
    EXPECT_NEAR(distinct_experts(sticky(1), 128, 8, tokens), 8, 1e-9);
    EXPECT_LT(distinct_experts(sticky(0.5), 128, 8, tokens), independent);
    EXPECT_LT(distinct_experts(zipf(1), 128, 8, tokens), independent);
  }
}

/// Draws `n` different numbers below `count` that are not in `taken`.
void draw(std::mt19937& random, std::set<int>& taken, int count, int n) {
  std::uniform_int_distribution<int> any(0, count - 1);
  while (n > 0) n -= taken.insert(any(random)).second ? 1 : 0;
}

// Each token keeps 4 of its predecessor's 8 and draws 4 that the predecessor did not have.
TEST(Routing, StickyIsWhatADrawGives) {
  std::mt19937 random(7);
  constexpr int kRuns = 4000, kTokens = 5;
  double sum = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::set<int> last, all;
    draw(random, last, 128, 8);
    all = last;
    for (int token = 1; token < kTokens; ++token) {
      std::vector<int> shuffled(last.begin(), last.end());
      std::shuffle(shuffled.begin(), shuffled.end(), random);
      std::set<int> next = last;
      draw(random, next, 128, 4);
      for (int i = 0; i < 4; ++i) next.erase(shuffled[static_cast<std::size_t>(i)]);
      last = next;
      all.insert(last.begin(), last.end());
    }
    sum += static_cast<double>(all.size());
  }
  EXPECT_NEAR(distinct_experts(sticky(0.5), 128, 8, kTokens), sum / kRuns, 0.1);
}

TEST(Routing, MeasuredCountsAreTakenAsTheyAre) {
  const Routing counted = routing_from_text("measured:8,13.1,17");
  EXPECT_EQ(distinct_experts(counted, 128, 8, 2), 13.1);
  EXPECT_EQ(distinct_experts(counted, 128, 8, 3), 17);
  EXPECT_NEAR(distinct_experts(counted, 128, 8, 4), 17 + 8.0 / 128 * (128 - 17), 1e-9);
}

TEST(Routing, IsReadAsItIsWritten) {
  for (const char* text : {"independent", "zipf:1.2", "sticky:0.5", "measured:8,13.1,17"})
    EXPECT_EQ(to_string(routing_from_text(text)), text);
  EXPECT_EQ(routing_from_text("sticky"), sticky_half());
}

TEST(Routing, RefusesWhatIsNone) {
  for (const char* text : {"", "random", "sticky:2", "sticky:x", "zipf:-1", "measured", "measured:9,8",
                           "independent:1", "measured:8,,9", "sticky:nan"})
    EXPECT_THROW(routing_from_text(text), Error) << text;
}

}  // namespace
}  // namespace oldiron::routing_test
