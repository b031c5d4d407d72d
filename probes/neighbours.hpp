// Who else runs: the processes of this machine that can be seen from here.
#pragma once

#include <string>
#include <vector>

#include "probes/noise.hpp"

namespace oldiron {

struct ProcessTime {
  int pid = 0;
  std::string name = {};
  double cpu_s = 0;
  std::int64_t resident_bytes = 0;
  bool operator==(const ProcessTime&) const = default;
};

/// All but this process; a millisecond or so for a hundred of them. Other containers' are not among them, and
/// where /proc is mounted with hidepid neither are other users'.
std::vector<ProcessTime> read_processes(const std::string& root = "/");

/// One line of /proc/PID/stat; without a name if it is none.
ProcessTime parse_process(std::string_view stat);

/// More than any cache: whoever holds this and runs reads memory.
inline constexpr std::int64_t kHog_bytes = std::int64_t{512} << 20;

/// Who used most CPU time in between, one that holds kHog_bytes before all others; without a name if nobody
/// used a twentieth of a CPU.
Neighbour busiest_between(const std::vector<ProcessTime>& before, const std::vector<ProcessTime>& after,
                          double interval_s);

}  // namespace oldiron
