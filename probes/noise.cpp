#include "probes/noise.hpp"

#include <fmt/core.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/clock.hpp"
#include "probes/cgroup.hpp"
#include "probes/files.hpp"
#include "probes/state.hpp"

namespace oldiron {
namespace {

// /proc/stat counts in ticks of 10 ms per CPU and kind of time: below this a difference says nothing.
constexpr double kTicks_s = 0.05;
// A look at the clock of a CPU may interrupt it: a few stand for all.
constexpr std::size_t kClocks = 2;
// And of those that count events of heat, so that both sockets are among them.
constexpr std::size_t kThermometers = 8;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

void read_usage(NoiseSnapshot& snapshot) {
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    if (getrusage(who, &usage) != 0) continue;
    snapshot.own_s += seconds(usage.ru_utime) + seconds(usage.ru_stime);
    snapshot.major_faults += usage.ru_majflt;
    snapshot.small_faults += usage.ru_minflt;
  }
}

/// Counters whose names begin with `prefix`: one per zone of memory.
std::int64_t sum_of_zones(std::string_view vmstat, std::string_view prefix) {
  std::int64_t total = 0;
  for (const std::string_view line : split(vmstat, '\n'))
    if (line.starts_with(prefix))
      if (const std::size_t blank = line.find(' '); blank != line.npos)
        total += parse_number(line.substr(blank)).value_or(0);
  return total;
}

double clock_hz(const std::string& root) {
  const std::vector<int> cpus = allowed_cpus(root);
  double total_hz = 0;
  int read = 0;
  for (std::size_t i = 0; i < std::min(kClocks, cpus.size()); ++i)
    if (const auto khz = read_number(
            below(root, fmt::format("/sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq", cpus[i])))) {
      total_hz += static_cast<double>(*khz) * 1e3;
      ++read;
    }
  return read == 0 ? 0 : total_hz / read;
}

/// Every thread of a package shows the package's events, so the sum only says whether there were more.
std::int64_t overheated(const std::string& root) {
  const std::vector<int> cpus = allowed_cpus(root);
  std::int64_t events = 0;
  for (std::size_t i = 0; i < cpus.size(); i += std::max<std::size_t>(1, cpus.size() / kThermometers)) {
    const std::string folder =
        below(root, fmt::format("/sys/devices/system/cpu/cpu{}/thermal_throttle/", cpus[i]));
    const auto core = read_number(folder + "core_throttle_count");
    if (!core) break;  // no such counters on this kind of CPU
    events += *core + read_number(folder + "package_throttle_count").value_or(0);
  }
  return events;
}

/// Up to this moment, also of a thread that runs on another CPU (what /proc shows is as old as its last
/// tick).
double ran_s(int id) {
  // The kernel's encoding of a thread's CPU clock, as in pthread_getcpuclockid(3): 4 a thread's, 2 the
  // scheduler's.
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(id) << 3) | 6U);
  timespec time{};
  return clock_gettime(clock, &time) == 0
             ? static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9
             : 0;
}

/// Ready, but with a CPU clock that stands still.
bool waits(const std::string& folder, int id, double ran_before_s) {
  const std::string stat = read_text(folder + "/stat").value_or("");
  const std::size_t name_end = stat.rfind(')');
  return name_end != stat.npos && stat.compare(name_end, 3, ") R") == 0 && ran_s(id) <= ran_before_s;
}

std::vector<ThreadTime> own_threads() {
  std::vector<ThreadTime> threads;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", gone)) {
    const std::string text = read_text(entry.path().string() + "/schedstat").value_or("");
    const auto words = split(trim(text), ' ');
    const auto waited_ns = words.size() > 1 ? parse_number(words[1]) : std::nullopt;
    if (!waited_ns) continue;
    const int id = static_cast<int>(parse_number(entry.path().filename().string()).value_or(0));
    const double ran = ran_s(id);
    threads.push_back({.id = id,
                       .ran_s = ran,
                       .waited_s = static_cast<double>(*waited_ns) * 1e-9,
                       .waits = waits(entry.path().string(), id, ran)});
  }
  return threads;
}

void compare_threads(const NoiseSnapshot& before, const NoiseSnapshot& after, Noise& noise) {
  double least_off_s = noise.interval_s;
  for (const ThreadTime& now : after.threads) {
    const auto then = std::find_if(before.threads.begin(), before.threads.end(),
                                   [&](const ThreadTime& each) { return each.id == now.id; });
    if (then == before.threads.end()) return;  // what it did before it was seen is not known
    const double waited_s = now.waited_s - then->waited_s;
    noise.waited_fraction = std::max(noise.waited_fraction, waited_s / noise.interval_s);
    if (now.waits) least_off_s = 0;  // nobody knows for how long
    least_off_s = std::min(least_off_s, noise.interval_s - (now.ran_s - then->ran_s) - waited_s);
  }
  // While a quota, the hypervisor or the want of memory holds us no thread runs either; they have names of
  // their own.
  noise.paused_s = std::max(0.0, least_off_s - noise.throttled_s - noise.steal_s - noise.memory_stall_s);
}

void fill_fractions(Noise& noise) {
  if (noise.wanted_s >= kTicks_s) noise.steal_fraction = noise.steal_s / noise.wanted_s;
  if (noise.interval_s > 0 && noise.other_s >= kTicks_s)
    noise.other_cpu_fraction = noise.other_s / noise.interval_s;
}

}  // namespace

void parse_proc_stat(std::string_view text, NoiseSnapshot& snapshot) {
  // user nice system idle iowait irq softirq steal guest guest_nice; the guest times are in user and nice
  // already.
  const std::string rest = line_after(text, "cpu");
  std::vector<double> ticks;
  for (const std::string_view word : split(rest, ' '))
    if (const auto number = parse_number(word)) ticks.push_back(static_cast<double>(*number));
  ticks.resize(8, 0);
  const double tick_s = 1.0 / static_cast<double>(std::max(1L, sysconf(_SC_CLK_TCK)));
  snapshot.busy_s = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) * tick_s;
  snapshot.steal_s = ticks[7] * tick_s;
}

double pressure_s(std::string_view text) {
  constexpr std::string_view kTotal = "total=";
  const std::string some = line_after(text, "some");
  const std::size_t at = some.find(kTotal);
  if (at == some.npos) return 0;
  return static_cast<double>(parse_number(std::string_view(some).substr(at + kTotal.size())).value_or(0)) *
         1e-6;
}

NoiseSnapshot read_noise(const std::string& root) {
  NoiseSnapshot snapshot;
  snapshot.time_s = now_s();
  parse_proc_stat(read_text(below(root, "/proc/stat")).value_or(""), snapshot);
  read_usage(snapshot);
  const CgroupLimits cgroup = read_cgroup(root);
  snapshot.throttled = cgroup.throttled;
  snapshot.throttled_s = cgroup.throttled_s;
  const std::string vmstat = read_text(below(root, "/proc/vmstat")).value_or("");
  snapshot.swap_ins = number_after(vmstat, "pswpin").value_or(0);
  snapshot.reclaims = sum_of_zones(vmstat, "allocstall");
  snapshot.allocated_bytes = sum_of_zones(vmstat, "pgalloc_") * sysconf(_SC_PAGESIZE);
  snapshot.memory_stall_s = pressure_s(read_text(below(root, "/proc/pressure/memory")).value_or(""));
  snapshot.overheated = overheated(root);
  snapshot.clock_hz = clock_hz(root);
  return snapshot;
}

NoiseSnapshot read_own_noise() {
  NoiseSnapshot snapshot = read_noise();
  snapshot.threads = own_threads();
  return snapshot;
}

Noise noise_between(const NoiseSnapshot& before, const NoiseSnapshot& after) {
  Noise noise;
  noise.interval_s = after.time_s - before.time_s;
  const double busy_s = after.busy_s - before.busy_s;
  noise.steal_s = std::max(0.0, after.steal_s - before.steal_s);
  noise.wanted_s = busy_s + noise.steal_s;
  noise.other_s = busy_s - (after.own_s - before.own_s);
  fill_fractions(noise);
  noise.throttled = after.throttled - before.throttled;
  noise.throttled_s = after.throttled_s - before.throttled_s;
  noise.major_faults = after.major_faults - before.major_faults;
  noise.swap_ins = after.swap_ins - before.swap_ins;
  noise.memory_stall_s = after.memory_stall_s - before.memory_stall_s;
  noise.reclaims = after.reclaims - before.reclaims;
  noise.overheated = after.overheated - before.overheated;
  noise.clock_hz = after.clock_hz;
  if (before.threads.empty() || after.threads.empty() || noise.interval_s <= 0) return noise;
  compare_threads(before, after, noise);
  // A fault of ours may have taken a huge page.
  const std::int64_t own_bytes = (after.small_faults - before.small_faults) * (std::int64_t{2} << 20);
  noise.taken_bytes = std::max<std::int64_t>(0, after.allocated_bytes - before.allocated_bytes - own_bytes);
  return noise;
}

Noise sum(const Noise& a, const Noise& b) {
  Noise both;
  both.interval_s = a.interval_s + b.interval_s;
  both.wanted_s = a.wanted_s + b.wanted_s;
  both.steal_s = a.steal_s + b.steal_s;
  both.other_s = a.other_s + b.other_s;
  fill_fractions(both);
  if (both.interval_s > 0)
    both.waited_fraction =
        (a.waited_fraction * a.interval_s + b.waited_fraction * b.interval_s) / both.interval_s;
  both.paused_s = a.paused_s + b.paused_s;
  both.throttled = a.throttled + b.throttled;
  both.throttled_s = a.throttled_s + b.throttled_s;
  both.major_faults = a.major_faults + b.major_faults;
  both.swap_ins = a.swap_ins + b.swap_ins;
  both.memory_stall_s = a.memory_stall_s + b.memory_stall_s;
  both.reclaims = a.reclaims + b.reclaims;
  both.overheated = a.overheated + b.overheated;
  both.clock_hz =
      a.clock_hz > 0 && b.clock_hz > 0 ? std::min(a.clock_hz, b.clock_hz) : std::max(a.clock_hz, b.clock_hz);
  both.best_clock_hz = std::max(a.best_clock_hz, b.best_clock_hz);
  both.taken_bytes = a.taken_bytes + b.taken_bytes;
  both.neighbour =
      a.neighbour.cpus * a.interval_s > b.neighbour.cpus * b.interval_s ? a.neighbour : b.neighbour;
  return both;
}

}  // namespace oldiron
