#include "probes/noise.hpp"

#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "probes/cgroup.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

// A tenth of a CPU of others, or 1 % of steal, moves a memory-bound result by about as much as its interval
// is wide.
constexpr double kSteal = 0.01;
constexpr double kOtherCpus = 0.1;
// /proc/stat counts in ticks of 10 ms per CPU and kind of time: below this a difference says nothing.
constexpr double kTicks_s = 0.05;
// A page from disk takes 0.1 to 10 ms: a handful is the loading of a library.
constexpr std::int64_t kFaults = 16;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double own_cpu_s() {
  double sum = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    if (getrusage(who, &usage) == 0) sum += seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  return sum;
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

NoiseSnapshot read_noise(const std::string& root) {
  NoiseSnapshot snapshot;
  snapshot.time_s = now_s();
  parse_proc_stat(read_text(below(root, "/proc/stat")).value_or(""), snapshot);
  snapshot.own_s = own_cpu_s();
  const CgroupLimits cgroup = read_cgroup(root);
  snapshot.throttled = cgroup.throttled;
  snapshot.throttled_s = cgroup.throttled_s;
  const std::string vmstat = read_text(below(root, "/proc/vmstat")).value_or("");
  snapshot.major_faults = number_after(vmstat, "pgmajfault").value_or(0);
  snapshot.swap_ins = number_after(vmstat, "pswpin").value_or(0);
  return snapshot;
}

Noise noise_between(const NoiseSnapshot& before, const NoiseSnapshot& after) {
  Noise noise;
  noise.interval_s = after.time_s - before.time_s;
  const double busy_s = after.busy_s - before.busy_s;
  const double steal_s = std::max(0.0, after.steal_s - before.steal_s);
  if (busy_s + steal_s >= kTicks_s) noise.steal_fraction = steal_s / (busy_s + steal_s);
  const double other_s = busy_s - (after.own_s - before.own_s);
  if (noise.interval_s > 0 && other_s >= kTicks_s) noise.other_cpu_fraction = other_s / noise.interval_s;
  noise.throttled = after.throttled - before.throttled;
  noise.throttled_s = after.throttled_s - before.throttled_s;
  noise.major_faults = after.major_faults - before.major_faults;
  noise.swap_ins = after.swap_ins - before.swap_ins;
  return noise;
}

std::vector<std::string> noise_tags(const Noise& noise) {
  std::vector<std::string> tags;
  if (noise.steal_fraction >= kSteal) tags.push_back("noisy: steal " + percent_text(noise.steal_fraction));
  if (noise.other_cpu_fraction >= kOtherCpus)
    tags.push_back(fmt::format("noisy: other processes used {:.1f} CPUs", noise.other_cpu_fraction));
  if (noise.throttled > 0)
    tags.push_back(fmt::format("noisy: throttled: the cgroup's CPU quota stopped it {} times, {} in all; use fewer "
                               "threads or raise the quota",
                               noise.throttled, seconds_text(noise.throttled_s)));
  if (noise.major_faults >= kFaults)
    tags.push_back(fmt::format("noisy: {} major page faults", noise.major_faults));
  if (noise.swap_ins > 0) tags.push_back(fmt::format("noisy: {} pages swapped in", noise.swap_ins));
  return tags;
}

}  // namespace oldiron
