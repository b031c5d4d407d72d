#include "runner/memory_guard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/guarded_child.hpp"

namespace oldiron::memory_guard_test {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

struct MemoryGuardTest : testing::Test {
  MemoryGuard guard(std::int64_t leave_bytes) {
    return MemoryGuard(leave_bytes, {.state = [this] { return state; },
                                     .full_stall_s = [this] { return stall_s; },
                                     .clock_s = [this] { return time_s; }});
  }

  MachineState state{.memory_available_bytes = 20 * kGiB};
  double stall_s = 5, time_s = 100;
};

TEST_F(MemoryGuardTest, enough_is_no_reason) { EXPECT_EQ(guard(8 * kGiB).why_stop(), ""); }

TEST_F(MemoryGuardTest, what_is_left_to_others_stays_theirs) {
  MemoryGuard strict = guard(8 * kGiB);
  state.memory_available_bytes = 7 * kGiB;
  EXPECT_EQ(strict.why_stop(), "only 7.5 GB of memory were left, and 8.6 GB are kept for others");
  EXPECT_EQ(guard(0).why_stop(), "");
}

TEST_F(MemoryGuardTest, a_group_that_is_almost_full_counts_too) {
  state.cgroup_memory_free_bytes = kGiB / 16;
  EXPECT_THAT(guard(0).why_stop(), HasSubstr("only 67.1 MB"));
}

TEST_F(MemoryGuardTest, a_machine_that_waits_for_memory_all_the_time) {
  MemoryGuard pressed = guard(0);
  EXPECT_EQ(pressed.why_stop(), "") << "what was before does not count";
  time_s += 2;
  stall_s += 0.2;
  EXPECT_EQ(pressed.why_stop(), "");
  time_s += 2;
  stall_s += 1.8;
  EXPECT_EQ(pressed.why_stop(), "memory pressure: all tasks waited for memory for 90 % of the time");
}

TEST_F(MemoryGuardTest, a_machine_that_shows_nothing_is_no_reason) {
  state = {};
  EXPECT_EQ(guard(0).why_stop(), "");
}

TEST(MemoryGuard, AmountsAsPeopleWriteThem) {
  EXPECT_EQ(parse_bytes("--leave-memory", "8G"), 8 * kGiB);
  EXPECT_EQ(parse_bytes("--leave-memory", "1.5g"), kGiB * 3 / 2);
  EXPECT_EQ(parse_bytes("--leave-memory", "512M"), kGiB / 2);
  EXPECT_EQ(parse_bytes("--leave-memory", "4096"), 4096);
  for (const char* bad : {"", "G", "8X", "-1G", "8 G", "nan", "1e30"})
    EXPECT_THROW(parse_bytes("--leave-memory", bad), Error) << bad;
}

TEST(MemoryGuard, NoCoreIsLeftToUs) { EXPECT_THROW(leave_cores(100000), Error); }

TEST(MemoryGuard, AChildIsStoppedForTheReasonGiven) {
  Command command;
  command.argv = {"/bin/sleep", "60"};
  int asked = 0;
  command.why_stop = [&] { return ++asked < 2 ? std::string() : std::string("others need it"); };
  const CommandResult result = run_command(command, 50);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(how_it_ended(result.end), "was stopped: others need it");
  EXPECT_FALSE(result.end.ok());
}

}  // namespace
}  // namespace oldiron::memory_guard_test
