#include "runner/power_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace oldiron::power_source_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CommandResult printed(const std::string& out, int exit_code = 0, const std::string& err = "") {
  CommandResult result;
  result.end.exit_code = exit_code;
  result.out.append(out);
  result.err.append(err);
  return result;
}

// The words of likwid 5.2.2's likwid-powermeter and of ipmitool 1.8.19; the figures are made up.
constexpr const char* kLikwid =
    "--------------------------------------------------------------------------------\n"
    "CPU name:\tIntel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz\n"
    "--------------------------------------------------------------------------------\n"
    "Runtime: 1.00012 s\n"
    "Measure for socket 0 on CPU 0\n"
    "Domain PKG:\nEnergy consumed: 41.5 Joules\nPower consumed: 41.5 Watt\n"
    "Domain PP0:\nEnergy consumed: 20 Joules\nPower consumed: 20 Watt\n"
    "Domain DRAM:\nEnergy consumed: 8.25 Joules\nPower consumed: 8.25 Watt\n"
    "\nMeasure for socket 1 on CPU 14\n"
    "Domain PKG:\nEnergy consumed: 39 Joules\nPower consumed: 39 Watt\n"
    "Domain DRAM:\nEnergy consumed: 8 Joules\nPower consumed: 8 Watt\n";
constexpr const char* kDcmi =
    "\n    Instantaneous power reading:                   136 Watts\n"
    "    Minimum during sampling period:                  8 Watts\n"
    "    Average power reading over sample period:      120 Watts\n"
    "    Power reading state is:                   activated\n\n";

TEST(PowerSource, WhatTheUserKnows) {
  EXPECT_EQ(parse_watts("140").loaded_w, 140);
  EXPECT_EQ(parse_watts("60.5,140").idle_w, 60.5);
  for (const char* bad :
       {"", "x", "140W", "60,", ",140", "60;140", "-5", "0", "nan", "inf", "200,100", "1e9"})
    EXPECT_THROW(parse_watts(bad), Error) << bad;
}

TEST(PowerSource, ReadsWhatTheToolsPrint) {
  EXPECT_DOUBLE_EQ(*parse_likwid_power(kLikwid), 41.5 + 8.25 + 39 + 8);
  EXPECT_FALSE(parse_likwid_power(""));
  EXPECT_FALSE(parse_likwid_power("Power consumed: 5 Watt\n")) << "of which domain?";
  EXPECT_EQ(*parse_dcmi_power(kDcmi), 136);
  EXPECT_FALSE(parse_dcmi_power("    Instantaneous power reading:                     0 Watts\n"));
  EXPECT_FALSE(parse_dcmi_power("DCMI request failed"));
}

TEST(PowerSource, ReadsWhatAUsersCommandPrints) {
  EXPECT_EQ(*parse_power_command("143.5\n"), 143.5);
  EXPECT_EQ(*parse_power_command("\npower: 88 W\n"), 88);
  EXPECT_THAT(parse_power_command("").reason(), HasSubstr("printed nothing"));
  EXPECT_THAT(parse_power_command("off\n").reason(), HasSubstr("`off`"));
  EXPECT_FALSE(parse_power_command("-3"));
  EXPECT_FALSE(parse_power_command("0"));
}

TEST(PowerSource, WhoeverAnswersFirst) {
  std::vector<std::string> asked;
  bool likwid_works = false;
  const RunShort run = [&](const Command& command, double timeout_s) {
    EXPECT_GT(timeout_s, 0);
    asked.push_back(command.argv[0]);
    if (command.argv[0] == "likwid-powermeter")
      return likwid_works ? printed(kLikwid) : printed("", 1, "access is locked\nmore\n");
    return printed(kDcmi);
  };
  const auto ipmi = find_power_source({}, "/nowhere", run);
  ASSERT_TRUE(ipmi);
  EXPECT_THAT(asked, ElementsAre("likwid-powermeter", "ipmitool"));
  EXPECT_EQ(ipmi->meter->name(), "ipmitool");
  EXPECT_TRUE(ipmi->whole_machine);
  EXPECT_EQ(*ipmi->meter->read(), 136);
  likwid_works = true;
  const auto likwid = find_power_source({}, "/nowhere", run);
  EXPECT_FALSE(likwid->whole_machine);
}

TEST(PowerSource, NobodyAnswers) {
  const RunShort run = [](const Command&, double) { return printed("", 1, "access is locked\nmore\n"); };
  const std::string reason = find_power_source({}, "/nowhere", run).reason();
  EXPECT_THAT(reason, HasSubstr("a virtual machine has none"));
  EXPECT_THAT(reason, HasSubstr("likwid-powermeter exited with code 1: access is locked;"));
  EXPECT_THAT(reason, HasSubstr("--power-command"));
}

TEST(PowerSource, AUsersCommandIsAskedOnceBeforeAnythingRuns) {
  const auto source =
      find_power_source({.command = "echo 99"}, "/nowhere", [](const Command& command, double) {
        EXPECT_THAT(command.argv, ElementsAre("/bin/sh", "-c", "echo 99"));
        return printed("99\n");
      });
  EXPECT_EQ(*source->meter->read(), 99);
  try {
    find_power_source({.command = "plug"}, "/nowhere",
                      [](const Command&, double) { return printed("", 127, "plug: not found\n"); });
    FAIL() << "it gave no watts";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "--power-command plug: exited with code 127: plug: not found; it must print one number, the "
                 "watts of now");
  }
}

TEST(PowerSource, AGivenFigureIsTheFigure) {
  const auto given = find_power_source({.loaded_w = 140}, "/nowhere");
  EXPECT_EQ(*given->meter->read(), 140);
}

}  // namespace
}  // namespace oldiron::power_source_test
