// From counters to names: what disturbs, and what does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/noise.hpp"

namespace oldiron::disturbance_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A second of two ranks that both ran.
Noise second() { return {.interval_s = 1, .wanted_s = 2}; }

TEST(Disturbance, quiet_has_no_name) {
  EXPECT_THAT(disturbances({}), IsEmpty());
  Noise quiet = second();
  quiet.steal_fraction = 0.005;
  quiet.other_cpu_fraction = 0.05;
  quiet.waited_fraction = 0.02;
  quiet.paused_s = 0.02;
  quiet.major_faults = 3;
  quiet.memory_stall_s = 0.001;
  quiet.taken_bytes = 5'000'000;
  quiet.clock_hz = 2.95e9;
  quiet.best_clock_hz = 3e9;
  EXPECT_THAT(disturbances(quiet), IsEmpty());
}

TEST(Disturbance, of_a_spinning_neighbour) {
  Noise noise = second();
  noise.other_cpu_fraction = 0.84;
  EXPECT_THAT(noise_tags(noise), ElementsAre("noisy: neighbour: other processes used 0.8 CPUs"));
  noise.neighbour = {.name = "cc1plus", .pid = 4121, .cpus = 0.8, .resident_bytes = 200'000'000};
  noise.waited_fraction = 0.42;
  EXPECT_THAT(
      noise_tags(noise),
      ElementsAre(
          "noisy: neighbour: other processes used 0.8 CPUs, most of it cc1plus (pid 4121); our threads "
          "waited 42 % of the time for a CPU"));
}

TEST(Disturbance, of_a_neighbour_that_only_our_waits_show) {
  Noise noise = second();
  noise.waited_fraction = 0.3;
  EXPECT_THAT(noise_tags(noise),
              ElementsAre("noisy: neighbour: our threads waited 30 % of the time for a CPU"));
}

TEST(Disturbance, of_a_memory_hog) {
  Noise holds = second();
  holds.other_cpu_fraction = 1;
  holds.neighbour = {.name = "stream", .pid = 7, .cpus = 1, .resident_bytes = 2'000'000'000};
  EXPECT_THAT(noise_tags(holds),
              ElementsAre("noisy: memory hog: stream (pid 7) holds 2.0 GB and 1.0 CPUs were used"));
  Noise takes = second();
  takes.taken_bytes = 3'000'000'000;
  EXPECT_THAT(disturbances(takes), ElementsAre(Disturbance::memory_hog))
      << "one that sleeps between its allocations";
}

TEST(Disturbance, of_a_pause) {
  Noise noise = second();
  noise.paused_s = 0.3;
  EXPECT_THAT(noise_tags(noise), ElementsAre("noisy: paused: our process was stopped for 300 ms"));
  noise.major_faults = 40;  // it waited for a disk
  EXPECT_THAT(disturbances(noise), ElementsAre(Disturbance::page_faults));
}

TEST(Disturbance, of_a_quota) {
  Noise noise = second();
  noise.throttled = 3;
  noise.throttled_s = 0.25;
  EXPECT_THAT(
      noise_tags(noise),
      ElementsAre(HasSubstr("noisy: throttled: the cgroup's CPU quota stopped it 3 times, 250 ms in all")));
}

TEST(Disturbance, of_memory_pressure_with_and_without_the_kernels_pressure_files) {
  Noise noise = second();
  noise.memory_stall_s = 0.08;
  EXPECT_THAT(noise_tags(noise), ElementsAre("noisy: memory pressure: some task waited 80 ms for memory"));
  noise.memory_stall_s = 0;
  noise.reclaims = 90;
  EXPECT_THAT(noise_tags(noise),
              ElementsAre("noisy: memory pressure: 90 times memory had to be freed before any was had"));
}

TEST(Disturbance, of_host_disk_and_clock) {
  Noise noise = second();
  noise.steal_s = 0.08;
  noise.steal_fraction = 0.04;
  noise.major_faults = 30;
  noise.swap_ins = 1;
  noise.clock_hz = 2.2e9;
  noise.best_clock_hz = 3e9;
  noise.overheated = 2;
  EXPECT_THAT(noise_tags(noise),
              ElementsAre("noisy: steal 4 %", "noisy: 30 major page faults", "noisy: 1 pages swapped in",
                          "noisy: slow clock: 2.20 GHz where 3.00 were seen before or after",
                          "noisy: overheated: the CPU lowered its clock for heat"));
}

TEST(Disturbance, one_tick_of_steal_is_none) {
  Noise noise{.interval_s = 0.2, .wanted_s = 0.4, .steal_s = 0.01, .steal_fraction = 0.025};
  EXPECT_THAT(disturbances(noise), IsEmpty());
}

}  // namespace
}  // namespace oldiron::disturbance_test
