// What else happened on the machine while something was measured, and the names of what can disturb.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oldiron {

/// The scheduler's account of one thread of ours.
struct ThreadTime {
  int id = 0;
  double ran_s = 0;
  double waited_s = 0;  ///< ready, but others had the CPU; a wait counts when it is over
  bool waits = false;   ///< now
  bool operator==(const ThreadTime&) const = default;
};

/// Counters at one moment. CPU times are sums over all CPUs of the machine.
struct NoiseSnapshot {
  double time_s = 0;
  double busy_s = 0;           ///< all processes and the kernel
  double steal_s = 0;          ///< wanted, but the hypervisor ran somebody else
  double own_s = 0;            ///< of this process and its children that have ended
  std::int64_t throttled = 0;  ///< periods in which the cgroup quota stopped us
  double throttled_s = 0;
  std::int64_t major_faults = 0;  ///< of this process and its children that have ended: pages read from disk
  std::int64_t swap_ins = 0;      ///< of the machine, pages
  double memory_stall_s = 0;      ///< some task waited for memory (PSI); 0 where the kernel does not count it
  std::int64_t reclaims = 0;      ///< tasks that had to free memory before they got any
  std::int64_t overheated =
      0;                ///< thermal throttling events of all cores and packages; 0 where none are counted
  double clock_hz = 0;  ///< mean of a few CPUs that we may use; 0: not shown
  std::int64_t allocated_bytes = 0;      ///< by everybody, since boot
  std::int64_t small_faults = 0;         ///< ours: pages that we asked for
  std::vector<ThreadTime> threads = {};  ///< empty: our own threads were not looked at
  bool operator==(const NoiseSnapshot&) const = default;
};

/// A process that is not ours.
struct Neighbour {
  std::string name = {};
  int pid = 0;
  double cpus = 0;  ///< that it used
  std::int64_t resident_bytes = 0;
  bool operator==(const Neighbour&) const = default;
};

/// What lay between two snapshots.
struct Noise {
  double interval_s = 0;
  double wanted_s = 0, steal_s = 0;  ///< CPU time
  double other_s = 0;                ///< CPU time of other processes
  double steal_fraction = 0;         ///< of the CPU time that was wanted; 0 for less than the ticks can tell
  double other_cpu_fraction = 0;     ///< other_s in CPUs; 0 for less than the ticks can tell
  double waited_fraction = 0;  ///< time that the thread of ours that waited most was ready but not running
  double paused_s = 0;         ///< no thread of ours ran or was ready
  std::int64_t throttled = 0;
  double throttled_s = 0;
  std::int64_t major_faults = 0;
  std::int64_t swap_ins = 0;
  double memory_stall_s = 0;
  std::int64_t reclaims = 0;
  std::int64_t overheated = 0;
  double clock_hz = 0;           ///< at the end
  double best_clock_hz = 0;      ///< that this measurement has seen; 0: not compared
  std::int64_t taken_bytes = 0;  ///< memory that others asked for; 0 if our own threads were not looked at
  Neighbour neighbour = {};      ///< the busiest; without a name if nobody looked, or none can be seen
  bool operator==(const Noise&) const = default;
};

/// What can move a result.
enum class Disturbance : std::uint8_t {
  neighbour,        ///< other processes ran
  memory_hog,       ///< one of them with much memory, or they took much
  paused,           ///< our process was stopped: SIGSTOP, a debugger, a freezer
  throttled,        ///< by the cgroup's CPU quota
  memory_pressure,  ///< the kernel had to take memory away before it could give any
  steal,            ///< the hypervisor ran another guest
  page_faults,      ///< our pages came from disk
  swap,
  slow_clock,
  overheated,
};

std::string_view name(Disturbance disturbance);

NoiseSnapshot read_noise(const std::string& root = "/");

/// Also with the threads of this process, as waits and pauses are seen by. Not for a process that sleeps
/// while another measures.
NoiseSnapshot read_own_noise();

/// Fills busy_s and steal_s from the first line of /proc/stat.
void parse_proc_stat(std::string_view text, NoiseSnapshot& snapshot);

/// Seconds in which some task was stalled, from a file of /proc/pressure; 0 if it is empty.
double pressure_s(std::string_view text);

Noise noise_between(const NoiseSnapshot& before, const NoiseSnapshot& after);

/// Both together, as of one interval.
Noise sum(const Noise& a, const Noise& b);

/// Those that can move a result; empty if it was quiet.
std::vector<Disturbance> disturbances(const Noise& noise);

/// "neighbour: other processes used 0.8 CPUs, most of it cc1plus (pid 4121)".
std::string describe(Disturbance disturbance, const Noise& noise);

/// One tag per disturbance: "noisy: steal 4 %". Empty if it was quiet.
std::vector<std::string> noise_tags(const Noise& noise);

}  // namespace oldiron
