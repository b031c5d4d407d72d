#include "probes/noise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/probes/machines.hpp"

namespace oldiron {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Noise, reads_a_tree) {
  const NoiseSnapshot snapshot = read_noise(machine_tree("cgroup_v2"));
  // Ticks are 10 ms: user 1000, nice 20, system 300, irq 5, softirq 6; steal 70; idle and waiting are not
  // work.
  EXPECT_DOUBLE_EQ(snapshot.busy_s, 13.31);
  EXPECT_DOUBLE_EQ(snapshot.steal_s, 0.70);
  EXPECT_EQ(snapshot.major_faults, 345);
  EXPECT_EQ(snapshot.swap_ins, 12);
  EXPECT_EQ(snapshot.throttled, 7);
}

TEST(Noise, stat_of_an_old_kernel_without_steal) {
  NoiseSnapshot snapshot;
  parse_proc_stat("cpu  100 0 50 1000\n", snapshot);
  EXPECT_DOUBLE_EQ(snapshot.busy_s, 1.5);
  EXPECT_EQ(snapshot.steal_s, 0);
}

TEST(Noise, broken_stat_is_no_noise) {
  NoiseSnapshot snapshot;
  parse_proc_stat("", snapshot);
  EXPECT_EQ(snapshot, NoiseSnapshot{});
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
}

TEST(Noise, own_time_that_exceeds_the_ticks_is_no_negative_neighbour) {
  const Noise noise = noise_between({.time_s = 0}, {.time_s = 1, .busy_s = 0.9, .own_s = 1.0});
  EXPECT_EQ(noise.other_cpu_fraction, 0);
}

TEST(Noise, a_few_ticks_say_nothing) {
  const Noise noise = noise_between({}, {.time_s = 0.1, .busy_s = 0.03, .steal_s = 0.01});
  EXPECT_EQ(noise.other_cpu_fraction, 0);
  EXPECT_EQ(noise.steal_fraction, 0);
}

TEST(Noise, tags_name_what_disturbed) {
  EXPECT_THAT(noise_tags({}), IsEmpty());
  EXPECT_THAT(noise_tags({.steal_fraction = 0.005, .other_cpu_fraction = 0.05, .major_faults = 3}),
              IsEmpty());
  EXPECT_THAT(noise_tags({.steal_fraction = 0.04}), ElementsAre("noisy: steal 4 %"));
  EXPECT_THAT(noise_tags({.other_cpu_fraction = 0.84}), ElementsAre("noisy: other processes used 0.8 CPUs"));
  EXPECT_THAT(noise_tags({.throttled = 3, .throttled_s = 0.25}),
              ElementsAre(HasSubstr("noisy: throttled: the cgroup's CPU quota stopped it 3 times")));
  EXPECT_THAT(noise_tags({.major_faults = 30, .swap_ins = 1}),
              ElementsAre("noisy: 30 major page faults", "noisy: 1 pages swapped in"));
}

}  // namespace
}  // namespace oldiron
