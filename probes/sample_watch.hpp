// Watches the machine while samples are taken, and says of each disturbance which of them it hit.
#pragma once

#include <functional>
#include <vector>

#include "core/clock.hpp"
#include "core/measurement.hpp"
#include "probes/neighbours.hpp"
#include "probes/noise.hpp"

namespace oldiron {

/// Looks between samples, never during one, so that it costs them nothing. Samples shorter than the time
/// between two looks (0.2 s, since the kernel counts in ticks of 10 ms) are judged together.
class SampleWatch {
 public:
  struct Sources {
    std::function<NoiseSnapshot()> noise = read_own_noise;
    std::function<std::vector<ProcessTime>()> processes = [] { return read_processes(); };
    std::function<double()> clock_s = now_s;
  };

  /// Begins to watch: what was before the first sample does not count.
  SampleWatch();
  explicit SampleWatch(Sources sources);

  /// A sample has ended.
  void end_sample();

  /// Looks once more. One entry per disturbance: its name, what it was, and which samples it hit.
  std::vector<Disturbed> finish();

 private:
  struct Window {
    Noise noise;
    int first_sample = 0, end_sample = 0;
  };

  /// If a thread of ours waits for a CPU just now, its wait is not in the account yet: then the next sample's
  /// end is better, unless there will be none or the window grows long.
  void look(bool last);
  std::vector<Disturbed> tell(std::vector<Window> windows) const;

  Sources sources_;
  NoiseSnapshot last_;
  std::vector<ProcessTime> processes_;
  double processes_s_ = 0;
  bool asked_who_ = false;
  Neighbour neighbour_;
  std::vector<Window> windows_;
  int samples_ = 0;
};

}  // namespace oldiron
