#include "runner/memory_guard.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "probes/files.hpp"
#include "probes/noise.hpp"
#include "probes/probe_machine.hpp"
#include "probes/state.hpp"

namespace oldiron {
namespace {

// With less the kernel soon kills somebody, and not always us.
constexpr std::int64_t kLeast_bytes = std::int64_t{192} << 20;
constexpr double kFullStall = 0.5;

double full_stall_s() {
  // Its second line; pressure_s() reads the first.
  const std::string text = read_text("/proc/pressure/memory").value_or("");
  const std::string full = line_after(text, "full");
  return full.empty() ? 0 : pressure_s("some " + full);
}

}  // namespace

MemoryGuard::MemoryGuard(std::int64_t leave_bytes) : MemoryGuard(leave_bytes, Sources()) {}

MemoryGuard::MemoryGuard(std::int64_t leave_bytes, Sources sources)
    : leave_bytes_(leave_bytes), sources_(std::move(sources)) {
  if (!sources_.state) sources_.state = [] { return read_state(); };
  if (!sources_.full_stall_s) sources_.full_stall_s = full_stall_s;
  if (!sources_.clock_s) sources_.clock_s = now_s;
}

std::string MemoryGuard::why_stop() {
  const MachineState state = sources_.state();
  std::int64_t free_bytes = state.memory_available_bytes;
  if (state.cgroup_memory_free_bytes >= 0) free_bytes = std::min(free_bytes, state.cgroup_memory_free_bytes);
  const std::int64_t least = std::max(kLeast_bytes, leave_bytes_);
  const double now = sources_.clock_s(), stall_s = sources_.full_stall_s();
  const double waited = last_s_ >= 0 && now > last_s_ ? (stall_s - last_stall_s_) / (now - last_s_) : 0;
  last_s_ = now;
  last_stall_s_ = stall_s;
  if (state.memory_available_bytes > 0 && free_bytes < least)
    return fmt::format("only {} of memory were left, and {} are kept for others",
                       bytes_text(static_cast<double>(free_bytes)), bytes_text(static_cast<double>(least)));
  if (waited >= kFullStall)
    return fmt::format("memory pressure: all tasks waited for memory for {} of the time",
                       percent_text(waited));
  return "";
}

std::int64_t parse_bytes(const char* option, const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const std::string unit = lower(std::string_view(stop, static_cast<std::size_t>(end - stop)));
  const double scale = unit.empty()  ? 1
                       : unit == "k" ? 1024.0
                       : unit == "m" ? 1024.0 * 1024
                       : unit == "g" ? 1024.0 * 1024 * 1024
                                     : 0;
  if (error != std::errc() || scale == 0 || !(value >= 0) || value * scale > 1e18)
    throw Error(fmt::format("{} {}: no amount of memory; write 8G, 512M or a number of bytes", option, text));
  return static_cast<std::int64_t>(value * scale);
}

void leave_cores(int n) {
  if (n <= 0) return;
  const Machine machine = read_machine();
  const std::vector<int> cpus = cpus_without_last(machine, n);
  if (cpus.empty())
    throw Error(fmt::format("--leave-cores {}: this process may use {} core{}, and one at least must remain",
                            n, machine.cores.size(), machine.cores.size() == 1 ? "" : "s"));
  cpu_set_t kept;
  CPU_ZERO(&kept);
  for (const int cpu : cpus)
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<std::size_t>(cpu), &kept);
  if (sched_setaffinity(0, sizeof kept, &kept) != 0)
    throw Error(fmt::format("--leave-cores {}: the system does not let this process change its CPUs", n));
}

}  // namespace oldiron
