#include "runner/trial_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chrono>
#include <thread>

namespace oldiron::trial_watch_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Watch : testing::Test {
  TrialWatch watch(int threads) {
    return TrialWatch(team, threads, [this] {
      ++looks;
      return limits;
    });
  }

  Team team{{-1}, Wait::spin};
  CgroupLimits limits;
  int looks = 0;
};

TEST_F(Watch, quiet_says_nothing) {
  TrialWatch quiet = watch(4);
  for (int step = 0; step < 10; ++step) {
    quiet.begin_step();
    quiet.end_step();
  }
  EXPECT_LE(looks, 2) << "a look takes longer than a short step";
  EXPECT_THAT(quiet.tags(), IsEmpty());
  EXPECT_GT(team.spin_s(), 0);
}

TEST_F(Watch, a_stop_by_the_quota_is_told_and_ends_the_spinning) {
  limits.cpu_quota = 4;
  limits.throttled = 7;
  TrialWatch stopped = watch(4);
  EXPECT_THAT(stopped.tags(), IsEmpty()) << "what was before does not count";
  limits.throttled = 10;
  limits.throttled_s = 0.25;
  std::this_thread::sleep_for(std::chrono::milliseconds(110));
  stopped.look();
  EXPECT_EQ(team.spin_s(), 0);
  EXPECT_THAT(
      stopped.tags(),
      ElementsAre("noisy: throttled: the cgroup's CPU quota stopped it 3 times, 250 ms in all; leave the "
                  "group to it alone, use fewer threads or raise the quota"));
}

TEST_F(Watch, a_quota_that_shrinks_ends_the_spinning_before_it_stops_us) {
  limits.cpu_quota = 2;
  TrialWatch shrunk = watch(2);
  limits.cpu_quota = 1.5;
  std::this_thread::sleep_for(std::chrono::milliseconds(110));
  shrunk.begin_step();
  shrunk.end_step();
  EXPECT_EQ(team.spin_s(), 0);
  EXPECT_THAT(shrunk.tags(),
              ElementsAre(HasSubstr("the quota fell during the trial: 2 threads are more than")));
  limits.throttled = 5;
  EXPECT_THAT(shrunk.tags(),
              ElementsAre(HasSubstr("stopped it 5 times, 0 us in all; 2 threads are more than")));
}

TEST_F(Watch, page_faults_in_timed_steps) {
  TrialWatch faulty = watch(1);
  const std::size_t bytes = std::size_t{1} << 20;
  const auto touch_new_pages = [&] {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < bytes; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
    munmap(memory, bytes);
  };
  touch_new_pages();
  faulty.begin_step();
  faulty.end_step();
  EXPECT_THAT(faulty.tags(), IsEmpty()) << "outside of steps they cost nothing";
  faulty.begin_step();
  touch_new_pages();
  faulty.end_step();
  EXPECT_THAT(faulty.tags(), ElementsAre(HasSubstr("page faults in 2 timed steps")));
}

}  // namespace
}  // namespace oldiron::trial_watch_test
