#include "core/audit/wrappers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace oldiron::wrappers_test {
namespace {

using Kind = WrapperSetting::Kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

Machine machine_of(int cores, int nodes) {
  Machine machine{.packages = 1, .nodes = nodes};
  for (int i = 0; i < cores; ++i) machine.cores.push_back({.id = i, .cpus = {i, i + cores}});
  return machine;
}

WrapperVerdict verdict(const Wrapper& wrapper, const Machine& machine, int threads = 0, bool root = false) {
  return judge_wrapper(wrapper, {.machine = machine, .root = root, .threads = threads}).value_or(WrapperVerdict{});
}

int nice_of(std::vector<std::string> words) {
  const WrapperSetting setting = settings_of({"nice", std::move(words)}).at(0);
  return setting.kind == Kind::nice ? setting.numbers.at(0) : 99;
}

TEST(NumberList, RangesAndNothingElse) {
  EXPECT_THAT(number_list("0-2,8"), Optional(ElementsAre(0, 1, 2, 8)));
  EXPECT_THAT(number_list("4095"), Optional(ElementsAre(4095)));
  for (const char* bad : {"", ",", "1,", "a", "3-1", "-1", "0-99999999", "4096", "1 2", "0-4095,0-4095"}) EXPECT_EQ(number_list(bad), std::nullopt) << bad;
}

TEST(WrapperSettings, OfNumactlInAllItsSpellings) {
  const auto settings = settings_of({"numactl", {"--interleave=all", "-N", "0", "--membind=0,1", "-C0", "--physcpubind", "0-1", "-l"}});
  ASSERT_EQ(settings.size(), 6u);
  EXPECT_EQ(settings[0], (WrapperSetting{Kind::interleave, "--interleave=all", {}}));
  EXPECT_EQ(settings[1], (WrapperSetting{Kind::node_cpus, "-N 0", {0}}));
  EXPECT_EQ(settings[2], (WrapperSetting{Kind::membind, "--membind=0,1", {0, 1}}));
  EXPECT_EQ(settings[3].kind, Kind::other);
  EXPECT_EQ(settings[4], (WrapperSetting{Kind::cpus, "--physcpubind 0-1", {0, 1}}));
  EXPECT_EQ(settings[5].kind, Kind::local);
  EXPECT_EQ(settings_of({"numactl", {"--preferred=1"}}).at(0).kind, Kind::other);
}

TEST(WrapperSettings, OfTasksetAsListAndAsMask) {
  EXPECT_EQ(settings_of({"taskset", {"-c", "0-2"}}).at(0), (WrapperSetting{Kind::cpus, "-c 0-2", {0, 1, 2}}));
  EXPECT_THAT(settings_of({"taskset", {"0x15"}}).at(0).numbers, ElementsAre(0, 2, 4));
  EXPECT_THAT(settings_of({"taskset", {"f0"}}).at(0).numbers, ElementsAre(4, 5, 6, 7));
  EXPECT_EQ(settings_of({"taskset", {"-a", "-p", "7"}}).at(0).kind, Kind::other);
  EXPECT_EQ(settings_of({"taskset", {"0"}}).at(0).kind, Kind::other) << "no CPU at all";
}

TEST(WrapperSettings, OfNiceAsOfOldToo) {
  EXPECT_EQ(nice_of({"-n", "-5"}), -5);
  EXPECT_EQ(nice_of({"-n7"}), 7);
  EXPECT_EQ(nice_of({"--adjustment=3"}), 3);
  EXPECT_EQ(nice_of({"-5"}), 5);
  EXPECT_EQ(nice_of({"--5"}), -5);
  EXPECT_EQ(nice_of({}), 10);
  EXPECT_EQ(nice_of({"-n", "much"}), 99);
}

TEST(JudgeWrapper, OneNodeLeavesNumactlNothingButCpus) {
  const Machine one = machine_of(2, 1), two = machine_of(2, 2);
  EXPECT_EQ(verdict({"numactl", {"--interleave=all"}}, one).verdict, FlagVerdict::not_applicable);
  EXPECT_EQ(verdict({"numactl", {"--interleave=all"}}, two).verdict, FlagVerdict::can_act);
  EXPECT_EQ(verdict({"numactl", {"-l"}}, two).verdict, FlagVerdict::default_anyway);
  EXPECT_EQ(verdict({"numactl", {"-m", "1"}}, one).verdict, FlagVerdict::declined);
  EXPECT_EQ(verdict({"numactl", {"-m", "1", "-C", "0"}}, two).verdict, FlagVerdict::can_act);
  EXPECT_THAT(verdict({"numactl", {"-C", "0"}}, one).why, HasSubstr("1 of 4 CPUs"));
  EXPECT_EQ(verdict({"numactl", {"--cpubind", "0"}}, one).verdict, FlagVerdict::unknown);
}

TEST(JudgeWrapper, CpusAreThoseOfThisMachine) {
  const Machine machine = machine_of(2, 1);
  EXPECT_EQ(verdict({"taskset", {"-c", "0-7"}}, machine).verdict, FlagVerdict::default_anyway);
  EXPECT_EQ(verdict({"taskset", {"-c", "9"}}, machine).verdict, FlagVerdict::declined);
  EXPECT_THAT(verdict({"taskset", {"-c", "0,1"}}, machine).why, HasSubstr("say -t 2"));
  EXPECT_EQ(verdict({"taskset", {"-c", "0,1"}}, machine, 2).why, "2 of 4 CPUs");
  EXPECT_EQ(verdict({"taskset", {"-c", "0"}}, Machine{}).verdict, FlagVerdict::can_act);
}

TEST(JudgeWrapper, OnlyRootGoesFirst) {
  const Machine machine = machine_of(2, 1);
  EXPECT_EQ(verdict({"nice", {"-n", "-5"}}, machine).verdict, FlagVerdict::declined);
  EXPECT_EQ(verdict({"nice", {"-n", "-5"}}, machine, 0, true).verdict, FlagVerdict::can_act);
  EXPECT_EQ(verdict({"nice", {"-n", "0"}}, machine).verdict, FlagVerdict::default_anyway);
  EXPECT_EQ(verdict({"nice", {}}, machine).verdict, FlagVerdict::can_act);
  EXPECT_FALSE(judge_wrapper({"sudo", {}}, {.machine = machine}));
}

}  // namespace
}  // namespace oldiron::wrappers_test
