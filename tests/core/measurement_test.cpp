#include "core/measurement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/check.hpp"

namespace oldiron::measurement_test {
namespace {

using testing::ElementsAre;

TEST(Measurement, KeepsSamplesInOrderAndSaysWhatTheIntervalIs) {
  const Measurement few = summarise("decode_tokens_per_s", "tokens/s", {3, 1, 2});
  EXPECT_EQ(few.name, "decode_tokens_per_s");
  EXPECT_EQ(few.unit, "tokens/s");
  EXPECT_THAT(few.samples, ElementsAre(3, 1, 2));
  EXPECT_EQ(few.median, 2);
  EXPECT_EQ(few.low, 1);
  EXPECT_EQ(few.high, 3);
  EXPECT_THAT(few.tags, ElementsAre("interval is smallest to largest of 3 samples"));
}

TEST(Measurement, SixSamplesNeedNoTag) {
  EXPECT_TRUE(summarise("x", "s", {1, 2, 3, 4, 5, 6}).tags.empty());
  EXPECT_THAT(summarise("x", "s", {1}).tags, ElementsAre("single sample"));
  EXPECT_THAT(summarise("x", "s", {}).tags, ElementsAre("no samples"));
}

TEST(Measurement, RefusesNumbersThatAreNone) {
  EXPECT_THROW(summarise("x", "s", {1, std::nan("")}), Error);
  EXPECT_THROW(summarise("x", "s", {1, INFINITY}), Error);
}

TEST(Measurement, AveragesAndSharesKeepTheirSamples) {
  const Measurement mean = average("x", "nats", {1, 2, 6});
  EXPECT_EQ(mean.median, 3) << "the mean, not the median";
  EXPECT_THAT(mean.samples, ElementsAre(1, 2, 6));
  EXPECT_LT(mean.low, 1);
  EXPECT_GT(mean.high, 6);
  const Measurement share = share_of_outcomes("x", "of those", {1, 0, 1, 1});
  EXPECT_EQ(share.median, 0.75);
  EXPECT_GT(share.low, 0.25);
  EXPECT_LT(share.high, 1);
  EXPECT_THAT(average("x", "s", {2}).tags, ElementsAre("single sample"));
  EXPECT_THAT(share_of_outcomes("x", "s", {}).tags, ElementsAre("no samples"));
  EXPECT_THROW(average("x", "s", {std::nan("")}), Error);
}

TEST(Measurement, IsLabelledWithWhatHitItAndWhatThatCost) {
  Measurement rate = summarise("decode_tokens_per_s", "tokens/s", {10, 7, 10, 7, 10, 7, 10, 10});
  label(rate, {{.by = "neighbour", .what = "neighbour: cc1plus", .samples = {1, 3, 5}}});
  EXPECT_THAT(rate.tags, ElementsAre("noisy: neighbour: cc1plus, in 3 of 8 samples; they were 30 % slower than the quiet ones"));
  EXPECT_EQ(rate.disturbed[0].samples.size(), 3u);
  EXPECT_EQ(rate.samples.size(), 8u) << "nothing is thrown away";
  Measurement time = summarise("verify_s/2", "s", {1, 1, 1, 2, 2, 2});
  label(time, {{.by = "paused", .what = "paused", .samples = {3, 4, 5}}});
  EXPECT_THAT(time.tags, ElementsAre("noisy: paused, in 3 of 6 samples; they were 50 % slower than the quiet ones"));
}

TEST(Measurement, AFewHitSamplesDoNotMakeItNoisy) {
  Measurement rate = summarise("x", "tokens/s", {10, 10, 10, 2, 10, 10, 10, 10});
  label(rate, {{.by = "steal", .what = "steal 9 %", .samples = {3}}});
  EXPECT_THAT(rate.tags, ElementsAre("disturbed: steal 9 %, in 1 of 8 samples"));
}

TEST(Measurement, WithoutAQuietSampleNobodyCanTellTheLoss) {
  Measurement rate = summarise("x", "tokens/s", {10, 9, 9, 10, 9, 10});
  label(rate, {{.by = "neighbour", .what = "neighbour", .samples = {0, 1, 2, 3, 4, 5}}});
  EXPECT_THAT(rate.tags, ElementsAre("noisy: neighbour; what it lost cannot be told, as no sample was quiet"));
  label(rate, {});
  EXPECT_TRUE(rate.disturbed.empty());
}

TEST(TagUnsteady, SaysWhatNothingExplains) {
  Measurement steady = summarise("read", "bytes/s", {100, 101, 99, 100, 101, 100, 99});
  tag_unsteady(steady);
  EXPECT_TRUE(steady.tags.empty());
  Measurement wide = summarise("read", "bytes/s", {100, 101, 90, 100, 110});
  tag_unsteady(wide);
  EXPECT_THAT(wide.tags.back(), testing::StartsWith("noisy: its samples scatter by 10 %"));
  std::vector<double> samples(30, 100.0);
  samples.insert(samples.end(), 10, 130.0);
  Measurement drifting = summarise("read", "bytes/s", samples);
  ASSERT_LT(drifting.high, 103) << "the interval alone does not show it";
  tag_unsteady(drifting);
  EXPECT_THAT(drifting.tags.back(), testing::StartsWith("noisy: its samples drifted by 30 %"));
}

TEST(TagUnsteady, LeavesWhatIsExplained) {
  Measurement known = summarise("read", "bytes/s", {100, 101, 50, 100, 110, 100});
  label(known, {{"steal", "steal 9 %", {1, 2, 3}}});
  const std::vector<std::string> tags = known.tags;
  tag_unsteady(known);
  EXPECT_EQ(known.tags, tags);
  Measurement single = summarise("read", "bytes/s", {100});
  tag_unsteady(single);
  EXPECT_EQ(single.tags, std::vector<std::string>{"single sample"});
}

TEST(MergedTags, SayEachDisturbanceOnce) {
  EXPECT_THAT(merged_tags({"noisy: neighbour: 0.5 CPUs, most of it cc1plus; what it lost cannot be told, as no sample was quiet",
                           "noisy: steal: 4 %", "noisy: neighbour: 0.7 CPUs", "noisy: the memory read between 1 and 2 around it"}),
              ElementsAre("noisy: neighbour: 0.5 CPUs, most of it cc1plus (seen 2 times)", "noisy: steal: 4 %",
                          "noisy: the memory read between 1 and 2 around it"));
}

TEST(Append, KeepsAllSamplesAndWhatHitThem) {
  Measurement first = summarise("read", "bytes/s", {100, 101, 99});
  label(first, {{"steal", "steal 9 %", {1}}});
  first.tags.push_back("buffer under 4 times the cache");
  Measurement later = summarise("read", "bytes/s", {130, 131, 129, 130});
  label(later, {{"steal", "steal 5 %", {0, 3}}, {"neighbour", "neighbour: 0.5 CPUs", {2}}});
  append(first, later);
  EXPECT_THAT(first.samples, ElementsAre(100, 101, 99, 130, 131, 129, 130));
  EXPECT_EQ(first.median, 129);
  ASSERT_EQ(first.disturbed.size(), 2U);
  EXPECT_THAT(first.disturbed[0].samples, ElementsAre(1, 3, 6));
  EXPECT_THAT(first.disturbed[1].samples, ElementsAre(5));
  EXPECT_THAT(first.tags, ElementsAre(testing::StartsWith("noisy: steal 9 %, in 3 of 7 samples"),
                                      testing::StartsWith("disturbed: neighbour: 0.5 CPUs, in 1 of 7"), "buffer under 4 times the cache"));
}

}  // namespace
}  // namespace oldiron::measurement_test
