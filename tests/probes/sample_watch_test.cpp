#include "probes/sample_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace oldiron::sample_watch_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// A machine whose counters a test moves by hand: two ranks that work all the time, and what else is asked
/// for.
struct SampleWatchTest : testing::Test {
  SampleWatch watch() {
    return SampleWatch({.noise = [this] { return ++looks, now; },
                        .processes = [this] { return processes; },
                        .clock_s = [this] { return now.time_s; }});
  }

  /// Time goes by, in which both ranks ran for `ran` of it.
  void pass(double seconds, double ran = 1) {
    now.time_s += seconds;
    for (ThreadTime& thread : now.threads) thread.ran_s += ran * seconds;
    now.own_s += 2 * ran * seconds;
    now.busy_s += 2 * ran * seconds;
  }

  NoiseSnapshot now{.time_s = 100, .threads = {{.id = 1}, {.id = 2}}};
  std::vector<ProcessTime> processes = {{.pid = 9, .name = "spinner"}};
  int looks = 0;
};

TEST_F(SampleWatchTest, quiet_is_not_tagged) {
  SampleWatch quiet = watch();
  for (int i = 0; i < 20; ++i) {
    pass(0.3);
    quiet.end_sample();
  }
  EXPECT_THAT(quiet.finish(), IsEmpty());
}

TEST_F(SampleWatchTest, a_neighbour_is_named_in_the_samples_it_hit) {
  SampleWatch hit = watch();
  for (int i = 0; i < 6; ++i) {
    pass(0.5);
    if (i == 2 || i == 3) {
      now.busy_s += 0.4;
      now.threads[1].ran_s -= 0.2;
      now.threads[1].waited_s += 0.2;
      processes[0].cpu_s += 0.4;
    }
    hit.end_sample();
  }
  const std::vector<Disturbed> told = hit.finish();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].by, "neighbour");
  EXPECT_THAT(told[0].samples, ElementsAre(2, 3));
  EXPECT_EQ(told[0].what,
            "neighbour: other processes used 0.8 CPUs, most of it spinner (pid 9); our threads waited 40 % "
            "of the time for a CPU");
}

TEST_F(SampleWatchTest, a_pause_is_told_from_a_wait_and_from_a_quota) {
  SampleWatch paused = watch();
  pass(0.5);
  paused.end_sample();
  now.time_s += 0.4;  // nobody of ours runs, nobody waits
  pass(0.1);
  paused.end_sample();
  now.time_s += 0.4;
  now.throttled += 4;
  now.throttled_s += 0.4;
  pass(0.1);
  paused.end_sample();
  const std::vector<Disturbed> told = paused.finish();
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(told[0].by, "paused");
  EXPECT_EQ(told[0].what, "paused: our process was stopped for 400 ms");
  EXPECT_THAT(told[0].samples, ElementsAre(1));
  EXPECT_EQ(told[1].by, "throttled");
  EXPECT_THAT(told[1].samples, ElementsAre(2));
}

TEST_F(SampleWatchTest, a_rank_that_sleeps_until_another_has_worked_is_no_pause) {
  SampleWatch uneven = watch();
  now.time_s += 1;
  now.threads[0].ran_s += 0.5;
  now.threads[1].ran_s += 0.95;
  uneven.end_sample();
  EXPECT_THAT(uneven.finish(), IsEmpty());
}

TEST_F(SampleWatchTest, memory_that_others_take_and_memory_that_is_short) {
  SampleWatch hit = watch();
  pass(0.5);
  now.allocated_bytes += 2'000'000'000;
  hit.end_sample();
  pass(0.5);
  now.memory_stall_s += 0.1;
  hit.end_sample();
  const std::vector<Disturbed> told = hit.finish();
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(told[0].by, "memory hog");
  EXPECT_THAT(told[0].samples, ElementsAre(0));
  EXPECT_EQ(told[1].by, "memory pressure");
  EXPECT_THAT(told[1].samples, ElementsAre(1));
}

TEST_F(SampleWatchTest, memory_that_we_take_ourselves_is_nobody_elses) {
  SampleWatch own = watch();
  pass(0.5);
  now.allocated_bytes += 2'000'000'000;
  now.small_faults += 2000;
  own.end_sample();
  EXPECT_THAT(own.finish(), IsEmpty());
}

TEST_F(SampleWatchTest, samples_between_two_looks_are_judged_together) {
  SampleWatch hit = watch();
  for (int i = 0; i < 10; ++i) {
    pass(0.06);
    if (i == 1) now.swap_ins += 3;
    hit.end_sample();
  }
  EXPECT_EQ(looks, 3) << "one at the beginning, one each 0.2 s";
  const std::vector<Disturbed> told = hit.finish();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0].samples, ElementsAre(0, 1, 2, 3));
}

TEST_F(SampleWatchTest, a_thread_that_waits_just_now_puts_the_look_off) {
  SampleWatch hit = watch();
  pass(0.3, 0.2);
  now.threads[0].ran_s += 0.24;
  now.threads[1].waits = true;
  hit.end_sample();
  pass(0.1);
  now.threads[1].waits = false;
  now.threads[1].waited_s += 0.24;
  hit.end_sample();
  const std::vector<Disturbed> told = hit.finish();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].by, "neighbour") << "not a pause";
  EXPECT_THAT(told[0].samples, ElementsAre(0, 1));
}

TEST_F(SampleWatchTest, a_clock_is_compared_with_the_best_one_seen) {
  SampleWatch slow = watch();
  for (const double clock_hz : {2.0e9, 3.0e9, 3.0e9}) {
    pass(0.5);
    now.clock_hz = clock_hz;
    slow.end_sample();
  }
  const std::vector<Disturbed> told = slow.finish();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].by, "slow clock");
  EXPECT_THAT(told[0].samples, ElementsAre(0));
}

TEST_F(SampleWatchTest, a_little_all_the_time_is_found_at_the_end) {
  SampleWatch hit = watch();
  for (int i = 0; i < 10; ++i) {
    pass(0.25);
    now.busy_s += 0.04;  // 0.16 CPUs, below what a window of 0.25 s can tell
    hit.end_sample();
  }
  const std::vector<Disturbed> told = hit.finish();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].by, "neighbour");
  EXPECT_THAT(told[0].samples, SizeIs(10));
}

}  // namespace
}  // namespace oldiron::sample_watch_test
