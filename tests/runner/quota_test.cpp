// A real control group, where this machine lets us make one.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "core/clock.hpp"
#include "probes/state.hpp"
#include "runner/trial_watch.hpp"
#include "tests/control_group.hpp"

namespace oldiron::quota_test {
namespace {

#define CHILD_EXPECTS(condition)                                          \
  if (!(condition)) {                                                     \
    std::fprintf(stderr, "line %d: expected %s\n", __LINE__, #condition); \
    return 1;                                                             \
  }

/// In the group: the quota is read, what shrinks is noticed, and a team that spins too much gives way.
int child(const ControlGroup& group) {
  group.limit_cpus(2.5);
  if (!group.enter()) return 77;
  CHILD_EXPECTS(read_state().cpu_quota == 2.5);
  Machine machine;
  machine.cores.resize(8);
  CHILD_EXPECTS(usable_threads(machine, read_state()) <= 2);
  CHILD_EXPECTS(!why_too_many_threads(3, read_state()).empty());

  Team team({-1}, Wait::spin);
  TrialWatch watch(team, 1);
  CHILD_EXPECTS(watch.tags().empty());
  group.limit_cpus(0.25);
  // On a busy machine it takes a while until the group gets as much as it may have.
  const double until_s = now_s() + 30;
  std::atomic<int> work{0};
  while (now_s() < until_s && team.spin_s() > 0) {
    watch.begin_step();
    for (int i = 0; i < 1'000'000; ++i) work.fetch_add(1, std::memory_order_relaxed);
    watch.end_step();
  }
  CHILD_EXPECTS(team.spin_s() == 0);
  const std::vector<std::string> tags = watch.tags();
  CHILD_EXPECTS(!tags.empty() && tags[0].starts_with("noisy: throttled: "));
  return 0;
}

TEST(Quota, of_a_real_group_is_read_and_watched) {
  const ControlGroup group("cpu");
  if (!group.made())
    GTEST_SKIP() << "no control group can be made here: not root, or the CPU controller is not ours";
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) _exit(child(group));
  int status = 0;
  waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this process may not enter the group it made";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace oldiron::quota_test
