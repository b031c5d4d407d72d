#include "core/team.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <xmmintrin.h>

#include <array>
#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <thread>

namespace oldiron {
namespace {

int first_cpu() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  int cpu = 0;
  while (!CPU_ISSET(static_cast<std::size_t>(cpu), &set)) ++cpu;
  return cpu;
}

/// More ranks than this machine may have CPUs, unpinned: the waits then sleep.
Team crowd() { return Team({-1, -1, -1, -1, -1, -1}); }

TEST(Team, runs_every_rank_once) {
  Team team({-1, -1, -1});
  std::array<std::atomic<int>, 3> calls{};
  for (int round = 0; round < 100; ++round)
    team.run(3, [&](int rank, int active) {
      EXPECT_EQ(active, 3);
      ++calls[static_cast<std::size_t>(rank)];
    });
  for (const auto& count : calls) EXPECT_EQ(count, 100);
}

TEST(Team, leaves_the_other_ranks_asleep) {
  Team team({-1, -1, -1, -1});
  std::atomic<int> highest{-1}, calls{0};
  for (const int active : {1, 2, 4, 1, 3, 2}) {
    highest = -1;
    calls = 0;
    team.run(active, [&](int rank, int) {
      ++calls;
      int seen = highest;
      while (rank > seen && !highest.compare_exchange_weak(seen, rank)) {
      }
    });
    EXPECT_EQ(highest, active - 1);
    EXPECT_EQ(calls, active);
  }
}

TEST(Team, rank_0_is_the_caller) {
  Team team({-1, -1});
  const auto caller = std::this_thread::get_id();
  std::array<std::thread::id, 2> ids;
  team.run(2, [&](int rank, int) { ids[static_cast<std::size_t>(rank)] = std::this_thread::get_id(); });
  EXPECT_EQ(ids[0], caller);
  EXPECT_NE(ids[1], caller);
}

// Plain ints: a barrier that lets one through early is a wrong sum here and a race under the thread
// sanitiser.
TEST(Team, barrier_separates_phases) {
  Team team = crowd();
  const int ranks = team.size();
  std::vector<int> value(static_cast<std::size_t>(ranks), 0);
  std::atomic<int> wrong{0};
  team.run(ranks, [&](int rank, int active) {
    for (int phase = 1; phase <= 200; ++phase) {
      value[static_cast<std::size_t>(rank)] = phase;
      team.barrier(rank);
      for (int other = 0; other < active; ++other) wrong += value[static_cast<std::size_t>(other)] != phase;
      team.barrier(rank);
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(Team, sleeping_workers_wake_up) {
  Team team({-1, -1});
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> calls{0};
    team.run(2, [&](int rank, int) {
      if (rank == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      team.barrier(rank);
      ++calls;
    });
    EXPECT_EQ(calls, 2);
  }
}

TEST(Team, counts_waits_per_rank) {
  Team team({-1, -1});
  for (int round = 0; round < 1000 && team.waited_s(1) == 0; ++round)
    team.run(2, [&](int rank, int) {
      if (rank == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      team.barrier(rank);
    });
  EXPECT_GT(team.waited_s(1), 0);
  team.reset_waits();
  EXPECT_EQ(team.waited_s(0), 0);
  EXPECT_EQ(team.waited_s(1), 0);
}

TEST(Team, rethrows_the_exception_of_any_rank) {
  Team team = crowd();
  for (int thrower = 0; thrower < team.size(); ++thrower) {
    EXPECT_THROW(team.run(team.size(),
                          [&](int rank, int) {
                            if (rank == thrower) throw std::out_of_range("rank");
                          }),
                 std::out_of_range);
    std::atomic<int> calls{0};
    team.run(team.size(), [&](int, int) { ++calls; });
    EXPECT_EQ(calls, team.size());
  }
}

TEST(Team, a_throw_frees_those_in_the_barrier) {
  Team team = crowd();
  for (int round = 0; round < 50; ++round) {
    const int thrower = round % team.size();
    std::atomic<int> passed{0};
    EXPECT_THROW(team.run(team.size(),
                          [&](int rank, int) {
                            team.barrier(rank);
                            if (rank == thrower) {
                              if (round % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(500));
                              throw std::runtime_error("stop");
                            }
                            team.barrier(rank);
                            ++passed;
                          }),
                 std::runtime_error);
    EXPECT_EQ(passed, 0);
  }
  std::atomic<int> calls{0};
  team.run(team.size(), [&](int rank, int) {
    team.barrier(rank);
    ++calls;
  });
  EXPECT_EQ(calls, team.size());
}

TEST(Team, several_throw_and_one_is_rethrown) {
  Team team = crowd();
  for (int round = 0; round < 20; ++round)
    EXPECT_THROW(team.run(team.size(), [](int, int) { throw std::runtime_error("all"); }),
                 std::runtime_error);
}

TEST(Team, flushes_denormals_on_every_rank_and_restores_the_caller) {
  Team team({-1, -1});
  const unsigned before = _mm_getcsr();
  std::array<float, 2> halved{1, 1};
  team.run(2, [&](int rank, int) {
    volatile float smallest = std::numeric_limits<float>::min();
    halved[static_cast<std::size_t>(rank)] = smallest / 2;
  });
  EXPECT_EQ(halved[0], 0);
  EXPECT_EQ(halved[1], 0);
  EXPECT_EQ(_mm_getcsr(), before);
}

TEST(Team, pins_while_it_runs_and_restores_the_caller) {
  const int cpu = first_cpu();
  cpu_set_t before, after;
  sched_getaffinity(0, sizeof before, &before);
  Team team({cpu, cpu});
  EXPECT_TRUE(team.pinned(0));
  EXPECT_TRUE(team.pinned(1));
  std::array<int, 2> seen{-1, -1}, allowed{};
  team.run(2, [&](int rank, int) {
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    allowed[static_cast<std::size_t>(rank)] = CPU_COUNT(&set);
    seen[static_cast<std::size_t>(rank)] = sched_getcpu();
  });
  sched_getaffinity(0, sizeof after, &after);
  EXPECT_EQ(seen, (std::array<int, 2>{cpu, cpu}));
  EXPECT_EQ(allowed, (std::array<int, 2>{1, 1}));
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(Team, tolerates_a_cpu_that_is_not_there) {
  Team team({1000, 100000});
  EXPECT_FALSE(team.pinned(0));
  EXPECT_FALSE(team.pinned(1));
  int sum = 0;
  team.run(2, [&](int rank, int) {
    team.barrier(rank);
    if (rank == 1) sum = 7;
  });
  EXPECT_EQ(sum, 7);
}

TEST(Share, covers_all_without_overlap_in_steps) {
  for (const std::int64_t n : {0, 1, 15, 16, 17, 704, 2112, 262144})
    for (const std::int64_t step : {1, 16, 64})
      for (const int size : {1, 2, 3, 7, 64}) {
        std::int64_t at = 0;
        for (int rank = 0; rank < size; ++rank) {
          const Range range = share(n, step, rank, size);
          EXPECT_EQ(range.begin, at);
          EXPECT_TRUE(range.begin % step == 0 || range.begin == n);
          EXPECT_LE(range.end - range.begin, (n / step / size + 2) * step);
          at = range.end;
        }
        EXPECT_EQ(at, n);
      }
}

TEST(ShareDeathTest, refuses_nonsense) { EXPECT_DEATH(share(10, 0, 0, 1), "broken promise"); }

}  // namespace
}  // namespace oldiron
