#include "probes/handover.hpp"

#include <atomic>
#include <set>
#include <utility>

#include "core/clock.hpp"
#include "core/team.hpp"

namespace oldiron {
namespace {

constexpr int kHandOvers = 7;
constexpr int kTurns = 200;  // few: where others want the CPU too, each may wait for the scheduler

HandOver measure_pair(int from, int to, double until_s) {
  Team team({from, to});
  alignas(128) std::atomic<int> ball = 0;
  std::vector<double> samples;
  bool late = false;
  team.run(2, [&](int rank, int) {
    for (int sample = 0; sample <= kHandOvers; ++sample) {
      if (rank == 0) late = sample > 1 && now_s() > until_s;
      team.barrier(rank);
      if (late) return;
      const int begin = sample * 2 * kTurns;
      const double start_s = now_s();
      for (int turn = 0; turn < kTurns; ++turn) {
        const int mine = begin + 2 * turn + rank;
        while (ball.load(std::memory_order_acquire) != mine) {}
        ball.store(mine + 1, std::memory_order_release);
      }
      team.barrier(rank);
      if (rank == 0 && sample > 0) samples.push_back((now_s() - start_s) / (2 * kTurns));  // the first warms up
    }
  });
  return {.from_cpu = from, .to_cpu = to, .s = summarise("hand_over", "s", std::move(samples))};
}

}  // namespace

HandOverPlan plan_hand_overs(const Machine& machine, const MachineState& state) {
  HandOverPlan plan{.cpus = place(machine, usable_threads(machine, state)), .nodes = {}};
  plan.nodes = nodes_of(machine, plan.cpus);
  return plan;
}

std::vector<HandOver> measure_hand_overs(const HandOverPlan& plan) {
  std::vector<HandOver> measured;
  const double until_s = now_s() + plan.budget_s;
  for (std::size_t from = 0; from < plan.cpus.size(); ++from)
    for (std::size_t to = from + 1; to < plan.cpus.size() && now_s() < until_s; ++to)
      measured.push_back(measure_pair(plan.cpus[from], plan.cpus[to], until_s));
  return measured;
}

std::vector<BarrierPoint> measure_barriers(const HandOverPlan& plan) {
  const int most = static_cast<int>(plan.cpus.size());
  if (most < 2) return {};
  std::set<int> counts = {most};
  for (int threads = 2; threads < most; threads *= 2) counts.insert(threads);
  Team team(plan.cpus, Wait::automatic, plan.nodes);
  std::vector<BarrierPoint> measured;
  for (const int threads : counts) {
    std::vector<double> samples;
    while (samples.size() < kHandOvers) samples.push_back(empty_barrier_s(team, threads));
    measured.push_back({.threads = threads, .s = summarise("barrier", "s", std::move(samples))});
  }
  return measured;
}

}  // namespace oldiron
