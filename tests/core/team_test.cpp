#include "core/team.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <xmmintrin.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <thread>
#include <utility>

namespace oldiron::team_test {
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

TEST(Team, the_last_to_arrive_counts_what_the_barrier_costs) {
  Team team({-1, -1});
  team.run(2, [&](int rank, int) {
    for (int barrier = 0; barrier < 1000; ++barrier) team.barrier(rank);
  });
  // Each was last at some of them, or waited at others.
  EXPECT_GT(team.waited_s(0), 0);
  EXPECT_GT(team.waited_s(1), 0);
}

TEST(Team, waits_are_at_least_what_others_made_them) {
  Team team({-1, -1, -1});
  team.reset_waits();
  std::atomic<int> started{0};
  team.run(3, [&](int rank, int) {
    ++started;
    while (started < 3) std::this_thread::yield();
    if (rank == 1) std::this_thread::sleep_for(std::chrono::milliseconds(30));
    team.barrier(rank);
    if (rank == 2) std::this_thread::sleep_for(std::chrono::milliseconds(30));
  });
  EXPECT_GT(team.waited_s(0), 0.05) << "once in the barrier, once at the end of the run";
  EXPECT_GT(team.waited_s(1), 0.025) << "the end of the run counts for workers too";
  EXPECT_GT(team.waited_s(2), 0.025);
  EXPECT_LT(team.waited_s(0), 10);
}

TEST(Team, counts_barriers_and_ends_of_runs) {
  Team team = crowd();
  team.reset_waits();
  for (int round = 0; round < 10; ++round)
    team.run(3, [&](int rank, int) {
      for (int barrier = 0; barrier < 7; ++barrier) team.barrier(rank);
    });
  EXPECT_EQ(team.barriers(), 80);
  team.run(1, [&](int rank, int) { team.barrier(rank); });
  EXPECT_EQ(team.barriers(), 80) << "nobody to wait for";
  team.reset_waits();
  EXPECT_EQ(team.barriers(), 0);
}

TEST(Team, an_empty_barrier_takes_time) {
  Team team({-1, -1});
  EXPECT_GT(empty_barrier_s(team, 2), 0);
  EXPECT_LT(empty_barrier_s(team, 2), 1);
}

TEST(Team, spins_as_the_lever_says) {
  const int cpu = first_cpu();
  EXPECT_EQ(Team({cpu}, Wait::sleep).spin_s(), 0);
  EXPECT_NEAR(Team({cpu}, Wait::automatic).spin_s(), 200e-6, 1e-6);
  EXPECT_NEAR(Team({cpu}, Wait::spin).spin_s(), 20e-3, 1e-4);
  EXPECT_EQ(Team({cpu, cpu}, Wait::spin).spin_s(), 0) << "a shared CPU is left to the partner";
  Team team({cpu}, Wait::spin);
  team.give_way();
  EXPECT_EQ(team.spin_s(), 0);
  team.set_wait(Wait::automatic);
  EXPECT_GT(team.spin_s(), 0);
}

TEST(Team, works_with_each_way_of_waiting) {
  for (const Wait wait : {Wait::automatic, Wait::spin, Wait::sleep}) {
    Team team({-1, -1}, wait);
    std::atomic<int> calls{0};
    for (int round = 0; round < 200; ++round) {
      if (round == 100) team.give_way();
      team.run(2, [&](int rank, int) {
        team.barrier(rank);
        ++calls;
        team.barrier(rank);
      });
    }
    EXPECT_EQ(calls, 400);
  }
}

/// Two nodes of four cores with two hardware threads each, as place() fills them.
const std::vector<int> kTwoNodes = {0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1};

std::vector<int> node_of_rows(Team& team, int active, std::int64_t rows) {
  std::vector<int> owner(static_cast<std::size_t>(rows), -1);
  team.run(active, [&](int rank, int size) {
    const Range mine = share(rows, 1, rank, size);
    const Range node = team.node_ranks(rank);
    for (std::int64_t row = mine.begin; row < mine.end; ++row)
      owner[static_cast<std::size_t>(row)] = node.begin == 0 ? 0 : 1;
  });
  return owner;
}

TEST(Team, ranks_of_a_node_own_adjacent_rows_with_and_without_second_threads) {
  Team team(std::vector<int>(16, -1), Wait::automatic, kTwoNodes);
  std::vector<int> halves(64, 0);
  std::fill(halves.begin() + 32, halves.end(), 1);
  EXPECT_EQ(node_of_rows(team, 16, 64), halves);
  EXPECT_EQ(node_of_rows(team, 8, 64), halves);
  EXPECT_EQ(node_of_rows(team, 4, 64), std::vector<int>(64, 0));
  EXPECT_EQ(node_of_rows(team, 16, 64), halves) << "again after another number";
}

TEST(Team, a_thread_works_on_the_rows_of_its_node) {
  Team team(std::vector<int>(16, -1), Wait::automatic, kTwoNodes);
  const auto threads_of = [&](int active) {
    std::vector<std::thread::id> thread(static_cast<std::size_t>(active));
    team.run(active,
             [&](int rank, int) { thread[static_cast<std::size_t>(rank)] = std::this_thread::get_id(); });
    return thread;
  };
  // With 8 the threads are in the order of their making; with 16 the second threads of node 0 come between.
  const auto cores = threads_of(8), all = threads_of(16);
  for (std::size_t rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(all[rank], cores[rank]);
    EXPECT_EQ(all[rank + 8], cores[rank + 4]);
  }
  EXPECT_EQ(cores[0], std::this_thread::get_id());
  EXPECT_EQ(team.node_ranks(0), (Range{0, 8}));
  EXPECT_EQ(team.node_ranks(7), (Range{0, 8}));
  EXPECT_EQ(team.node_ranks(8), (Range{8, 16}));
  EXPECT_EQ(team.node_ranks(15), (Range{8, 16}));
  EXPECT_EQ(team.nodes(), 2);
  for (int rank = 0; rank < 16; ++rank) EXPECT_EQ(team.node(rank), rank / 8);
}

TEST(Range, halving_pieces_have_all_once_and_end_short) {
  for (const std::int64_t begin : {0, 352})
    for (const std::int64_t rows : {1, 15, 16, 32, 33, 704, 2816, 262144})
      for (const auto &[ranks, step] : {std::pair{1, 32}, {2, 32}, {3, 128}, {8, 32}}) {
        std::int64_t next = begin, before = rows, i = 0;
        for (Range p; (p = halving_piece({begin, begin + rows}, ranks, i, step)).begin < p.end; ++i) {
          ASSERT_EQ(p.begin, next) << rows << " between " << ranks;
          const std::int64_t height = p.end - p.begin;
          EXPECT_TRUE(height % step == 0 || p.end == begin + rows) << height;
          EXPECT_LE(height, before);
          before = height;
          next = p.end;
        }
        EXPECT_EQ(next, begin + rows);
        EXPECT_LE(before, ranks == 1 ? rows : step) << rows << " between " << ranks;
        EXPECT_LE(i, ranks * 16);
      }
  EXPECT_EQ(halving_piece({0, 2816}, 2, 0, 32), (Range{0, 704}));
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

TEST(Share, of_several_ranks_is_what_they_have_together) {
  EXPECT_EQ(share_of(704, 16, {0, 8}, 16), (Range{0, 352}));
  EXPECT_EQ(share_of(704, 16, {8, 16}, 16), (Range{352, 704}));
  EXPECT_EQ(share_of(100, 16, {2, 3}, 3), share(100, 16, 2, 3));
}

TEST(ShareDeathTest, refuses_nonsense) { EXPECT_DEATH(share(10, 0, 0, 1), "broken promise"); }

}  // namespace
}  // namespace oldiron::team_test
