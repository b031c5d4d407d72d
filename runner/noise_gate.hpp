// Waits for a quiet machine before something is measured, but not for ever.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "probes/neighbours.hpp"
#include "probes/noise.hpp"

namespace oldiron {

inline constexpr double kQuietPatience_s = 30;

class NoiseGate {
 public:
  struct Sources {
    std::function<NoiseSnapshot()> noise = [] { return read_noise(); };
    std::function<std::vector<ProcessTime>()> processes = [] { return read_processes(); };
    /// Sleeps; throws Interrupted (runner/signals.hpp).
    std::function<void(double seconds)> sleep = sleep_unless_interrupted;
  };

  struct Look {
    double waited_s = 0;
    std::string load = {};  ///< what still ran when patience ended: "neighbour: …"; empty: it is quiet
  };

  explicit NoiseGate(double patience_s = kQuietPatience_s);
  NoiseGate(double patience_s, Sources sources);

  /// Looks for a quarter of a second, and again until that was quiet. Where a wait was in vain the next ones
  /// are short, until one finds quiet again: a machine that is always busy is measured as it is.
  ///
  /// `running_cpu_s`: CPU time of a process that is ours, as it goes on.
  Look wait(const std::function<double()>& running_cpu_s = [] { return 0.0; });

  static void sleep_unless_interrupted(double seconds);

 private:
  double patience_s_;
  Sources sources_;
  bool in_vain_ = false;
};

/// "under this load: …; it was not quiet within 30 s", for what is measured all the same.
std::string load_tag(const NoiseGate::Look& look);

}  // namespace oldiron
