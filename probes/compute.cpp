#include "probes/compute.hpp"

#include <algorithm>
#include <utility>

#include "core/clock.hpp"
#include "core/stats.hpp"
#include "core/team.hpp"
#include "probes/noise.hpp"

namespace oldiron {
namespace {

constexpr int kPeakSamples = 9;

// A core that slept takes this long to its full clock on the slowest governors.
constexpr double kWarmUp_s = 0.03;

/// All ranks at once; one sample of each.
std::vector<PeakSample> sample_all(Team& team, const Peak& peak, std::int64_t rounds) {
  std::vector<PeakSample> samples(static_cast<std::size_t>(team.size()));
  team.run(team.size(), [&](int rank, int) {
    team.barrier(rank);
    samples[static_cast<std::size_t>(rank)] = sample_peak(peak, rounds);
  });
  return samples;
}

struct Look {
  ComputePeak peak;
  double per_cycle = 0;  ///< as measured
};

Look look(Team& team, const Peak& peak, std::int64_t rounds) {
  std::vector<double> rates, clocks, per_cycle;
  for (int i = 0; i < kPeakSamples; ++i) {
    double rate = 0;
    for (const PeakSample& each : sample_all(team, peak, rounds)) {
      rate += each.instructions_per_s * peak.operations;
      clocks.push_back(each.clock_hz);
      per_cycle.push_back(each.per_cycle());
    }
    rates.push_back(rate);
  }
  const double built = built_per_cycle(median(per_cycle));
  Look result{.peak = {.isa = std::string(to_string(peak.isa)),
                       .type = peak.type,
                       .instruction = peak.instruction,
                       .threads = team.size(),
                       .ops_per_s = summarise("compute_peak", "operations/s", std::move(rates)),
                       .clock_hz = median(clocks),
                       .per_cycle = built},
              .per_cycle = median(per_cycle)};
  result.peak.built_ops_per_s = team.size() * built * result.peak.clock_hz * peak.operations;
  return result;
}

ComputePeak measure_peak(Team& team, const Peak& peak, double until_s) {
  const std::int64_t rounds = peak_rounds(peak);
  const NoiseSnapshot before = read_noise();
  Look best = look(team, peak, rounds);
  while (!why_no_peak(peak, best.per_cycle).empty() && now_s() < until_s) {
    Look again = look(team, peak, rounds);
    // What disturbs only slows, but a disturbed clock makes the rate per cycle look high: the honest one
    // counts.
    if (why_no_peak(peak, again.per_cycle).empty() ||
        again.peak.ops_per_s.median > best.peak.ops_per_s.median)
      best = std::move(again);
  }
  std::vector<std::string>& tags = best.peak.ops_per_s.tags;
  if (const std::string why = why_no_peak(peak, best.per_cycle); !why.empty()) {
    tags.push_back("noisy: " + why);
    for (std::string& tag : noise_tags(noise_between(before, read_noise()))) tags.push_back(std::move(tag));
  }
  return std::move(best.peak);
}

}  // namespace

ComputePlan plan_compute(const Machine& machine, const MachineState& state) {
  const int usable = usable_threads(machine, state);
  ComputePlan plan{.cpus = place(machine, usable), .thread_counts = {1}, .peaks = {}};
  if (usable > 1) plan.thread_counts.push_back(usable);
  for (const Peak& peak : peaks())
    if (runs_here(peak.isa)) plan.peaks.push_back(peak);
  return plan;
}

std::vector<ComputePeak> measure_compute(const ComputePlan& plan) {
  const double start_s = now_s();
  const auto looks = static_cast<double>(plan.peaks.size() * plan.thread_counts.size());
  std::vector<ComputePeak> measured;
  for (const Peak& peak : plan.peaks)
    for (const int threads : plan.thread_counts) {
      Team team({plan.cpus.begin(), plan.cpus.begin() + threads});
      const std::int64_t rounds = peak_rounds(peak);
      for (const double until_s = now_s() + kWarmUp_s; now_s() < until_s;) sample_all(team, peak, rounds);
      const auto done = static_cast<double>(measured.size() + 1);
      measured.push_back(measure_peak(team, peak, start_s + plan.budget_s * done / looks));
    }
  return measured;
}

}  // namespace oldiron
