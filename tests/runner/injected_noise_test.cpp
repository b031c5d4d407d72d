// Real disturbances, done to a process that measures: each must be named in the samples that it hit. What a
// quiet machine is tagged with cannot be tested here, as nobody knows who else runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <functional>
#include <optional>

#include "core/clock.hpp"
#include "probes/cgroup.hpp"
#include "probes/files.hpp"
#include "probes/sample_watch.hpp"
#include "probes/state.hpp"
#include "tests/control_group.hpp"

namespace oldiron::injected_noise_test {
namespace {

using testing::Contains;

void work_for(double seconds) {
  std::atomic<int> work{0};
  for (const double until_s = now_s() + seconds; now_s() < until_s;)
    for (int i = 0; i < 1000; ++i) work.fetch_add(1, std::memory_order_relaxed);
}

/// Samples of 50 ms; before number 10 something begins, and 30 are taken after it has `acted`, which on a
/// busy machine may take long. Nothing if it never did.
std::optional<std::vector<std::string>> names_while(
    const std::function<void()>& begin, const std::function<bool()>& acted = [] { return true; }) {
  constexpr double kPatience_s = 30;
  SampleWatch watch;
  const double start_s = now_s();
  for (int sample = 0, after = 0; after < 30; ++sample) {
    if (sample == 10) begin();
    work_for(0.05);
    watch.end_sample();
    if (sample >= 10 && (after > 0 || acted())) ++after;
    else if (now_s() - start_s > kPatience_s) return std::nullopt;
  }
  std::vector<std::string> names;
  for (const Disturbed& each : watch.finish()) names.push_back(each.by);
  return names;
}

/// A child that does something until it is killed.
class Child {
 public:
  explicit Child(const std::function<void()>& act) : pid_(fork()) {
    if (pid_ != 0) return;
    act();
    _exit(0);
  }

  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

struct InjectedNoise : testing::Test {
  /// On one CPU with whoever is forked from here.
  void SetUp() override {
    sched_getaffinity(0, sizeof before, &before);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(allowed_cpus().back()), &one);
    sched_setaffinity(0, sizeof one, &one);
    if (read_own_noise().threads.empty()) GTEST_SKIP() << "this kernel keeps no account of threads";
  }

  void TearDown() override { sched_setaffinity(0, sizeof before, &before); }

  cpu_set_t before = {};
};

TEST_F(InjectedNoise, a_spinning_neighbour) {
  std::optional<Child> spinner;
  EXPECT_THAT(*names_while([&] { spinner.emplace([] { work_for(60); }); }), Contains("neighbour"));
}

TEST_F(InjectedNoise, a_memory_hog) {
  const std::size_t bytes = std::size_t{700} << 20;
  if (usable_memory_bytes(read_state()) < 2 * static_cast<std::int64_t>(bytes))
    GTEST_SKIP() << "not enough memory is free";
  std::optional<Child> hog;
  const auto names = names_while(
      [&] {
        hog.emplace([&] {
          void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          for (unsigned char round = 1;; ++round)
            for (std::size_t at = 0; at < bytes; at += 64)
              static_cast<volatile unsigned char*>(memory)[at] = round;
        });
      },
      [&] {
        const std::string stat = read_text("/proc/" + std::to_string(hog->pid()) + "/stat").value_or("");
        return parse_process(stat).resident_bytes >= static_cast<std::int64_t>(bytes) * 9 / 10;
      });
  if (!names) GTEST_SKIP() << "the machine is too busy: the hog got no memory";
  EXPECT_THAT(*names, Contains("memory hog"));
}

TEST_F(InjectedNoise, a_paused_process) {
  const pid_t ours = getpid();
  std::optional<Child> stopper;
  EXPECT_THAT(*names_while([&] {
    stopper.emplace([ours] {
      kill(ours, SIGSTOP);
      usleep(500'000);
      kill(ours, SIGCONT);
    });
  }),
              Contains("paused"));
}

TEST_F(InjectedNoise, a_cgroup_throttle) {
  const ControlGroup group("cpu");
  if (!group.made())
    GTEST_SKIP() << "no control group can be made here: not root, or the CPU controller is not ours";
  // In a child, which leaves the group by its end.
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    if (!group.enter()) _exit(77);
    const std::int64_t throttled_before = read_cgroup().throttled;
    const auto names =
        names_while([&] { group.limit_cpus(0.05); }, [&] { return read_cgroup().throttled > throttled_before; });
    if (!names) _exit(78);
    _exit(std::count(names->begin(), names->end(), "throttled") == 1 ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
    GTEST_SKIP() << "this process may not enter the group it made";
  if (WIFEXITED(status) && WEXITSTATUS(status) == 78)
    GTEST_SKIP() << "the machine is too busy: the quota was never used up";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(InjectedNoise, memory_pressure_without_swap) {
  if (pressure_s(read_text("/proc/pressure/memory").value_or("")) <= 0 &&
      read_text("/proc/pressure/memory") == std::nullopt)
    GTEST_SKIP() << "this kernel does not count who waits for memory (/proc/pressure/memory)";
  const ControlGroup group("memory");
  if (!group.made())
    GTEST_SKIP() << "no control group can be made here: not root, or the memory controller is not ours";
  constexpr long kLimit = 64 << 20;
  std::optional<Child> squeezed;
  const double before_s = pressure_s(read_text("/proc/pressure/memory").value_or(""));
  const auto names = names_while(
      [&] {
        squeezed.emplace([&] {
          if (!group.limit_memory(kLimit) || !group.enter()) return;
          // A file that does not fit beside: its pages are taken away as fast as they come.
          std::FILE* file = std::tmpfile();
          std::vector<char> block(1 << 20, 'x');
          for (;;) {
            std::rewind(file);
            for (long at = 0; at < 2 * kLimit; at += 1 << 20)
              std::fwrite(block.data(), 1, block.size(), file);
            std::rewind(file);
            for (long at = 0; at < 2 * kLimit; at += 1 << 20)
              if (std::fread(block.data(), 1, block.size(), file) == 0) break;
          }
        });
      },
      [&] { return pressure_s(read_text("/proc/pressure/memory").value_or("")) > before_s + 0.2; });
  if (!names) GTEST_SKIP() << "the machine is too busy: nobody waited for memory";
  EXPECT_THAT(*names, Contains("memory pressure"));
}

}  // namespace
}  // namespace oldiron::injected_noise_test
