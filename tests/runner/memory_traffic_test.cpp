#include "runner/memory_traffic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace oldiron::memory_traffic_test {
namespace {

using testing::HasSubstr;

// As likwid.lua of 5.2.2 prints tables with -O; the figures are made up.
constexpr const char* kTwoThreads =
    "TABLE,Group 1 Metric,MEM,3,\n"
    "Metric,HWThread 0,HWThread 1\n"
    "Memory read bandwidth [MBytes/s],31250.5,0\n"
    "Memory bandwidth [MBytes/s],32000,0\n"
    "TABLE,Group 1 Metric STAT,MEM,3,\n"
    "Metric,Sum,Min,Max,Avg\n"
    "Memory read bandwidth [MBytes/s] STAT,31250.5,0,31250.5,15625.25\n"
    "Memory bandwidth [MBytes/s] STAT,32000,0,32000,16000\n";

TEST(MemoryTraffic, ReadsWhatLikwidPrints) {
  EXPECT_DOUBLE_EQ(*parse_likwid_traffic(kTwoThreads), 31.2505e9);
  EXPECT_DOUBLE_EQ(*parse_likwid_traffic("Metric,HWThread 0\nMemory bandwidth [MBytes/s],12000\n"), 12e9);
  EXPECT_THAT(parse_likwid_traffic("Memory bandwidth [MBytes/s],0\n").reason(), HasSubstr("counted nothing"));
  EXPECT_THAT(parse_likwid_traffic("").reason(), HasSubstr("group MEM"));
}

TEST(MemoryTraffic, SaysWhatTheToolSays) {
  CommandResult refused;
  refused.end.exit_code = 1;
  refused.err.append("Cannot get access to MSRs. Please check permissions to the MSRs\n");
  const auto none = find_memory_traffic([&](const Command&, double) { return refused; });
  EXPECT_EQ(
      none.reason(),
      "likwid-perfctr exited with code 1: Cannot get access to MSRs. Please check permissions to the MSRs");
  CommandResult late;
  late.timed_out = true;
  EXPECT_THAT(find_memory_traffic([&](const Command&, double timeout_s) {
                EXPECT_LE(timeout_s, 10);
                return late;
              }).reason(),
              HasSubstr("no answer within 10.0 s"));
}

}  // namespace
}  // namespace oldiron::memory_traffic_test
