// From what the counters say to the name of what disturbed.
#include <fmt/core.h>

#include <algorithm>

#include "core/text.hpp"
#include "probes/neighbours.hpp"
#include "probes/noise.hpp"

namespace oldiron {
namespace {

// A tenth of a CPU of others, or 1 % of steal, moves a memory-bound result by about as much as its interval
// is wide.
// One tick of 10 ms may be all of a stolen millisecond.
constexpr double kSteal = 0.01, kStealLeast_s = 0.015;
constexpr double kOtherCpus = 0.1;
// A page from disk takes 0.1 to 10 ms: a handful is the loading of a library.
constexpr std::int64_t kFaults = 16;
// The kernel's own threads take a CPU for some ms a second.
constexpr double kWaited = 0.05, kWaitedLeast_s = 0.01;
// Ranks that sleep while they wait for each other are off the CPU too, though not all at once.
constexpr double kPaused = 0.1, kPausedLeast_s = 0.05;
constexpr double kMemoryStall = 0.02, kMemoryStallLeast_s = 0.005;
constexpr std::int64_t kReclaims = 16;
// Turbo moves by some per cent with what the other cores do; a governor or a limit of power by more.
constexpr double kSlowClock = 0.9;
// To clear and fill pages costs their bytes twice: this is a tenth of the slowest memory controller.
constexpr double kTakenBytesPerS = 250e6;
constexpr std::int64_t kTakenLeast_bytes = std::int64_t{32} << 20;

std::string neighbour_text(const Noise& noise) {
  std::string text;
  if (noise.other_cpu_fraction >= 0.05)
    text = fmt::format("other processes used {:.1f} CPUs", noise.other_cpu_fraction);
  if (const Neighbour& busiest = noise.neighbour; !busiest.name.empty())
    text += fmt::format("{}{} (pid {})", text.empty() ? "" : ", most of it ", busiest.name, busiest.pid);
  if (noise.waited_fraction >= kWaited)
    text += fmt::format("{}our threads waited {} of the time for a CPU", text.empty() ? "" : "; ",
                        percent_text(noise.waited_fraction));
  return text;
}

bool took_much(const Noise& noise) {
  return noise.taken_bytes >= kTakenLeast_bytes &&
         static_cast<double>(noise.taken_bytes) >= kTakenBytesPerS * noise.interval_s;
}

bool neighbours_ran(const Noise& noise) {
  return noise.other_cpu_fraction >= kOtherCpus ||
         noise.waited_fraction >= std::max(kWaited, kWaitedLeast_s / std::max(noise.interval_s, 1e-9));
}

std::string hog_text(const Noise& noise) {
  std::string text;
  if (took_much(noise))
    text =
        fmt::format("other processes took {} of memory", bytes_text(static_cast<double>(noise.taken_bytes)));
  if (const Neighbour& busiest = noise.neighbour;
      !busiest.name.empty() && busiest.resident_bytes >= kHog_bytes)
    text += fmt::format("{}{} (pid {}) holds {}", text.empty() ? "" : "; ", busiest.name, busiest.pid,
                        bytes_text(static_cast<double>(busiest.resident_bytes)));
  if (noise.other_cpu_fraction >= 0.05)
    text += fmt::format(" and {:.1f} CPUs were used", noise.other_cpu_fraction);
  return text;
}

}  // namespace

std::string_view name(Disturbance disturbance) {
  switch (disturbance) {
    case Disturbance::neighbour:
      return "neighbour";
    case Disturbance::memory_hog:
      return "memory hog";
    case Disturbance::paused:
      return "paused";
    case Disturbance::throttled:
      return "throttled";
    case Disturbance::memory_pressure:
      return "memory pressure";
    case Disturbance::steal:
      return "steal";
    case Disturbance::page_faults:
      return "page faults";
    case Disturbance::swap:
      return "swap";
    case Disturbance::slow_clock:
      return "slow clock";
    case Disturbance::overheated:
      return "overheated";
  }
  return "";
}

std::vector<Disturbance> disturbances(const Noise& noise) {
  std::vector<Disturbance> found;
  const auto add = [&](Disturbance disturbance, bool there) {
    if (there) found.push_back(disturbance);
  };
  const bool hog =
      took_much(noise) || (neighbours_ran(noise) && noise.neighbour.resident_bytes >= kHog_bytes);
  add(Disturbance::steal, noise.steal_fraction >= kSteal && noise.steal_s >= kStealLeast_s);
  add(Disturbance::neighbour, neighbours_ran(noise) && !hog);
  add(Disturbance::memory_hog, hog);
  add(Disturbance::paused,
      noise.paused_s >= std::max(kPausedLeast_s, kPaused * noise.interval_s) && noise.major_faults < kFaults);
  add(Disturbance::throttled, noise.throttled > 0);
  add(Disturbance::memory_pressure,
      noise.memory_stall_s >= std::max(kMemoryStallLeast_s, kMemoryStall * noise.interval_s) ||
          noise.reclaims >= kReclaims);
  add(Disturbance::page_faults, noise.major_faults >= kFaults);
  add(Disturbance::swap, noise.swap_ins > 0);
  add(Disturbance::slow_clock, noise.clock_hz > 0 && noise.clock_hz < kSlowClock * noise.best_clock_hz);
  add(Disturbance::overheated, noise.overheated > 0);
  return found;
}

std::string describe(Disturbance disturbance, const Noise& noise) {
  switch (disturbance) {
    case Disturbance::neighbour:
      return "neighbour: " + neighbour_text(noise);
    case Disturbance::memory_hog:
      return "memory hog: " + hog_text(noise);
    case Disturbance::paused:
      return fmt::format("paused: our process was stopped for {}", seconds_text(noise.paused_s));
    case Disturbance::throttled:
      return fmt::format(
          "throttled: the cgroup's CPU quota stopped it {} times, {} in all; use fewer threads or raise the "
          "quota",
          noise.throttled, seconds_text(noise.throttled_s));
    case Disturbance::memory_pressure:
      return noise.memory_stall_s > 0
                 ? fmt::format("memory pressure: some task waited {} for memory",
                               seconds_text(noise.memory_stall_s))
                 : fmt::format("memory pressure: {} times memory had to be freed before any was had",
                               noise.reclaims);
    case Disturbance::steal:
      return "steal " + percent_text(noise.steal_fraction);
    case Disturbance::page_faults:
      return fmt::format("{} major page faults", noise.major_faults);
    case Disturbance::swap:
      return fmt::format("{} pages swapped in", noise.swap_ins);
    case Disturbance::slow_clock:
      return fmt::format("slow clock: {:.2f} GHz where {:.2f} were seen before or after",
                         noise.clock_hz / 1e9, noise.best_clock_hz / 1e9);
    case Disturbance::overheated:
      return "overheated: the CPU lowered its clock for heat";
  }
  return "";
}

std::vector<std::string> noise_tags(const Noise& noise) {
  std::vector<std::string> tags;
  for (const Disturbance each : disturbances(noise)) tags.push_back("noisy: " + describe(each, noise));
  return tags;
}

}  // namespace oldiron
