// Event counters of the CPU and the kernel, for the threads of a team.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/team.hpp"

namespace oldiron {

struct EventCount {
  std::string event =
      {};  ///< "cycles", "instructions", "cache_misses", "page_faults", "context_switches", "migrations"
  std::int64_t count = 0;  ///< of all ranks
  bool operator==(const EventCount&) const = default;
};

/// Counts on the first ranks of a team, in user and kernel mode as far as the system permits. What it cannot
/// count is absent from the counts, never 0.
class TeamCounters {
 public:
  TeamCounters(Team& team, int threads);
  ~TeamCounters();
  TeamCounters(const TeamCounters&) = delete;
  TeamCounters& operator=(const TeamCounters&) = delete;

  /// Between runs of the team.
  void start();

  /// What was counted since start().
  std::vector<EventCount> stop();

  /// Why cycles, instructions and cache misses are not counted; empty if they are.
  const std::string& why_no_hardware() const;

 private:
  struct State;
  Team& team_;
  int threads_;
  std::unique_ptr<State> state_;
};

/// The reason in words of what the user can do. `paranoid`: kernel.perf_event_paranoid, or -2 where there is
/// no such file.
std::string why_no_hardware_events(bool root, int paranoid, bool virtual_machine);

}  // namespace oldiron
