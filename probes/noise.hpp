// What else happened on the machine while something was measured.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oldiron {

/// Counters at one moment. CPU times are sums over all CPUs of the machine.
struct NoiseSnapshot {
  double time_s = 0;
  double busy_s = 0;           ///< all processes and the kernel
  double steal_s = 0;          ///< wanted, but the hypervisor ran somebody else
  double own_s = 0;            ///< of this process and its children that have ended
  std::int64_t throttled = 0;  ///< periods in which the cgroup quota stopped us
  double throttled_s = 0;
  std::int64_t major_faults = 0;  ///< of the machine: pages read from disk
  std::int64_t swap_ins = 0;      ///< pages
  bool operator==(const NoiseSnapshot&) const = default;
};

/// What lay between two snapshots.
struct Noise {
  double interval_s = 0;
  double steal_fraction = 0;      ///< of the CPU time that was wanted
  double other_cpu_fraction = 0;  ///< CPU time of other processes, in CPUs
  std::int64_t throttled = 0;
  double throttled_s = 0;
  std::int64_t major_faults = 0;
  std::int64_t swap_ins = 0;
  bool operator==(const Noise&) const = default;
};

NoiseSnapshot read_noise(const std::string& root = "/");

/// Fills busy_s and steal_s from the first line of /proc/stat.
void parse_proc_stat(std::string_view text, NoiseSnapshot& snapshot);

Noise noise_between(const NoiseSnapshot& before, const NoiseSnapshot& after);

/// One tag per disturbance that can move a result: "noisy: steal 4 %". Empty if it was quiet.
std::vector<std::string> noise_tags(const Noise& noise);

}  // namespace oldiron
