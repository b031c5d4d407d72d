#include "probes/noise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/probes/machines.hpp"

namespace oldiron::noise_test {
namespace {

TEST(Noise, reads_a_tree) {
  const NoiseSnapshot snapshot = read_noise(machine_tree("watched"));
  // Ticks are 10 ms: user 1000, nice 20, system 300, irq 5, softirq 6; steal 70; idle and waiting are not
  // work.
  EXPECT_DOUBLE_EQ(snapshot.busy_s, 13.31);
  EXPECT_DOUBLE_EQ(snapshot.steal_s, 0.70);
  EXPECT_EQ(snapshot.swap_ins, 12);
  EXPECT_EQ(snapshot.reclaims, 3703);
  EXPECT_EQ(snapshot.allocated_bytes, 32001 * sysconf(_SC_PAGESIZE));
  EXPECT_DOUBLE_EQ(snapshot.memory_stall_s, 80.775921);
  EXPECT_EQ(snapshot.overheated, 16);
  EXPECT_DOUBLE_EQ(snapshot.clock_hz, 3e9);
}

TEST(Noise, reads_a_quota) { EXPECT_EQ(read_noise(machine_tree("cgroup_v2")).throttled, 7); }

TEST(Noise, a_machine_that_shows_nothing_is_no_noise) {
  const NoiseSnapshot snapshot = read_noise("/nowhere");
  EXPECT_EQ(snapshot.busy_s, 0);
  EXPECT_EQ(snapshot.memory_stall_s, 0);
  EXPECT_EQ(snapshot.clock_hz, 0);
}

TEST(Noise, stat_of_an_old_kernel_without_steal) {
  NoiseSnapshot snapshot;
  parse_proc_stat("cpu  100 0 50 1000\n", snapshot);
  EXPECT_DOUBLE_EQ(snapshot.busy_s, 1.5);
  EXPECT_EQ(snapshot.steal_s, 0);
}

TEST(Noise, broken_text_is_no_noise) {
  NoiseSnapshot snapshot;
  parse_proc_stat("", snapshot);
  EXPECT_EQ(snapshot, NoiseSnapshot{});
  EXPECT_EQ(pressure_s(""), 0);
  EXPECT_EQ(pressure_s("full avg10=0.00 total=5\n"), 0);
  EXPECT_EQ(pressure_s("some avg10=0.00\n"), 0);
}

TEST(Noise, between_two_snapshots) {
  const NoiseSnapshot before{.time_s = 10,
                             .busy_s = 100,
                             .steal_s = 1,
                             .own_s = 50,
                             .throttled = 2,
                             .throttled_s = 1,
                             .major_faults = 10,
                             .swap_ins = 5};
  const NoiseSnapshot after{.time_s = 14,
                            .busy_s = 109.6,
                            .steal_s = 1.4,
                            .own_s = 57.6,
                            .throttled = 5,
                            .throttled_s = 1.25,
                            .major_faults = 40,
                            .swap_ins = 6};
  const Noise noise = noise_between(before, after);
  EXPECT_DOUBLE_EQ(noise.interval_s, 4);
  EXPECT_NEAR(noise.steal_fraction, 0.04, 1e-12);     // 0.4 of 10 wanted
  EXPECT_NEAR(noise.other_cpu_fraction, 0.5, 1e-12);  // 2 s of others in 4 s
  EXPECT_EQ(noise.throttled, 3);
  EXPECT_DOUBLE_EQ(noise.throttled_s, 0.25);
  EXPECT_EQ(noise.major_faults, 30);
  EXPECT_EQ(noise.swap_ins, 1);
  EXPECT_EQ(noise.paused_s, 0) << "nobody looked at the threads";
}

TEST(Noise, own_time_that_exceeds_the_ticks_is_no_negative_neighbour) {
  const Noise noise = noise_between({.time_s = 0}, {.time_s = 1, .busy_s = 0.9, .own_s = 1.0});
  EXPECT_EQ(noise.other_cpu_fraction, 0);
}

TEST(Noise, a_few_ticks_say_nothing_but_add_up) {
  const Noise noise = noise_between({}, {.time_s = 0.1, .busy_s = 0.03, .steal_s = 0.01});
  EXPECT_EQ(noise.other_cpu_fraction, 0);
  EXPECT_EQ(noise.steal_fraction, 0);
  const Noise twice = sum(noise, noise);
  EXPECT_NEAR(twice.other_cpu_fraction, 0.3, 1e-12);
  EXPECT_NEAR(twice.steal_fraction, 0.25, 1e-12);
}

TEST(Noise, of_our_own_threads) {
  const NoiseSnapshot before{.time_s = 1, .threads = {{.id = 1, .ran_s = 5}, {.id = 2, .ran_s = 5}}};
  const NoiseSnapshot after{.time_s = 2,
                            .threads = {{.id = 1, .ran_s = 5.6}, {.id = 2, .ran_s = 5.3, .waited_s = 0.3}}};
  const Noise noise = noise_between(before, after);
  EXPECT_NEAR(noise.waited_fraction, 0.3, 1e-12);
  EXPECT_NEAR(noise.paused_s, 0.4, 1e-12) << "both were off the CPU for so long, not waiting for it";
  NoiseSnapshot waiting = after;
  waiting.threads[1].waits = true;
  EXPECT_EQ(noise_between(before, waiting).paused_s, 0) << "its wait is not in the account yet";
  NoiseSnapshot grown = after;
  grown.threads.push_back({.id = 3});
  EXPECT_EQ(noise_between(before, grown).paused_s, 0) << "a thread that is new cannot be judged";
}

TEST(Noise, sees_the_threads_of_this_process) {
  const NoiseSnapshot snapshot = read_own_noise();
  if (snapshot.threads.empty())
    GTEST_SKIP() << "this kernel keeps no account of threads (/proc/self/task/*/schedstat)";
  EXPECT_EQ(snapshot.threads[0].id, getpid());
}

}  // namespace
}  // namespace oldiron::noise_test
