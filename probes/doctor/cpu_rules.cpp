// Clock, turbo and CPU time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "probes/doctor/doctor.hpp"

namespace oldiron {
namespace {

constexpr const char* kCpus = "/sys/devices/system/cpu/";

std::string ghz(double hz) { return fmt::format("{:.2f} GHz", hz / 1e9); }

/// Where the clock scales all of it; a decode that waits for memory gains less.
Stake clock_stake(double from_hz, double to_hz) {
  return {.basis = StakeBasis::computed,
          .low = 0,
          .high = to_hz / from_hz - 1,
          .how = fmt::format("{} instead of {}: all of it for a prefill, less for a decode that waits for memory",
                             ghz(to_hz), ghz(from_hz))};
}

RuleVerdict governor(const Patient& p) {
  const Facts& f = p.facts;
  if (!f.governor) return unknown(f.governor);
  if (*f.governor == "performance") return fine();
  const bool adaptive = f.frequency_driver && ((*f.frequency_driver).starts_with("intel_pstate") ||
                                               (*f.frequency_driver).starts_with("amd-pstate"));
  const bool lowest = (*f.governor).find("powersave") != std::string::npos && !adaptive;
  Finding found{.id = "governor",
                .what = fmt::format("the clock's governor is {} ({})", *f.governor,
                                    f.frequency_driver ? *f.frequency_driver : "driver not told"),
                .why = lowest ? "with this driver it keeps the lowest clock"
                              : "the clock is raised late after every wait for memory or another thread",
                .weight = 40,
                .place = kernel_place(p)};
  if (lowest && f.min_hz && f.built_max_hz) found.stake = clock_stake(*f.min_hz, *f.built_max_hz);
  const std::string path = fmt::format("{}cpufreq/policy*/scaling_governor", kCpus);
  found.fix = write_value(p, "performance", path) + " >/dev/null";
  // With several governors there is no one command back.
  found.undo = (*f.governor).find(',') == std::string::npos
                   ? write_value(p, *f.governor, path) + " >/dev/null"
                   : fmt::format("grep . {} first, and write each value back", path);
  found.lasting = "the package linux-cpupower, and a unit that runs: cpupower frequency-set -g performance";
  return {.finding = found};
}

RuleVerdict clock_limit(const Patient& p) {
  constexpr double kSame = 0.98;
  const Facts& f = p.facts;
  if (!f.max_hz) return unknown(f.max_hz);
  if (!f.built_max_hz) return unknown(f.built_max_hz);
  if (*f.max_hz >= *f.built_max_hz * kSame) return fine();
  const std::string path = fmt::format("{}cpufreq/policy*/scaling_max_freq", kCpus);
  const auto khz = [](double hz) { return fmt::format("{:.0f}", hz / 1000); };
  return {.finding = Finding{.id = "clock_limit",
                             .what = fmt::format("the clock may rise to {} only; the CPU is built for {}",
                                                 ghz(*f.max_hz), ghz(*f.built_max_hz)),
                             .why = "somebody or some power profile has set a limit",
                             .stake = clock_stake(*f.max_hz, *f.built_max_hz),
                             .place = kernel_place(p),
                             .fix = write_value(p, khz(*f.built_max_hz), path) + " >/dev/null",
                             .undo = write_value(p, khz(*f.max_hz), path) + " >/dev/null",
                             .lasting = "find who sets it: tuned, power-profiles-daemon, tlp, or the BIOS"}};
}

RuleVerdict turbo(const Patient& p) {
  const Facts& f = p.facts;
  if (!f.turbo) return unknown(f.turbo);
  if (*f.turbo) return fine();
  const bool intel = f.turbo.source.ends_with("no_turbo");
  Finding found{.id = "turbo",
                .what = "turbo is off",
                .why = "no core may exceed the base clock, even where the others wait",
                .weight = 30,
                .place = kernel_place(p),
                .fix = write_value(p, intel ? "0" : "1", f.turbo.source),
                .undo = write_value(p, intel ? "1" : "0", f.turbo.source),
                .lasting = "if it comes back off: turbo, or core performance boost, in the BIOS"};
  if (f.base_hz && f.built_max_hz && *f.built_max_hz > *f.base_hz)
    found.stake = clock_stake(*f.base_hz, *f.built_max_hz);
  return {.finding = found};
}

RuleVerdict quota(const Patient& p) {
  const double quota = p.state.cpu_quota;
  const int cores = static_cast<int>(p.machine.cores.size());
  if (quota <= 0 || quota >= cores) return fine();
  const double usable = std::max(1.0, std::floor(quota));
  return {.finding = Finding{
              .id = "cpu_quota",
              .what = fmt::format("a cgroup allows {:g} CPUs' worth of time, and there are {} cores", quota, cores),
              .why = "more threads than that are stopped together in the middle of a step",
              .stake = {.basis = StakeBasis::computed,
                        .low = 0,
                        .high = cores / usable - 1,
                        .how = fmt::format("{} threads instead of {:.0f}, until memory is the limit", cores, usable)},
              .place = in_container(p) ? Place::container_host : Place::here,
              .fix = "Docker: docker update --cpus 0 NAME; Proxmox: pct set ID --cpulimit 0; systemd: "
                     "systemctl set-property --runtime UNIT CPUQuota=",
              .undo = fmt::format("the same with {:g}, {:g} and {:.0f}%", quota, quota, quota * 100)}};
}

RuleVerdict clock_source(const Patient& p) {
  const Facts& f = p.facts;
  if (!f.clock_source) return unknown(f.clock_source);
  if (*f.clock_source != "hpet" && *f.clock_source != "acpi_pm") return fine();
  const std::string path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
  return {.finding = Finding{.id = "clock_source",
                             .what = fmt::format("time is read from {}", *f.clock_source),
                             .why = "every look at the clock is a slow call; engines look several times a token",
                             .weight = 10,
                             .place = kernel_place(p),
                             .fix = write_value(p, "tsc", path),
                             .undo = write_value(p, *f.clock_source, path),
                             .lasting = "the kernel option tsc=reliable, if the clocks of all sockets agree"}};
}

constexpr Rule kCpuRules[] = {{"governor", governor},
                              {"limit of the clock", clock_limit},
                              {"turbo", turbo},
                              {"CPU quota", quota},
                              {"clock source", clock_source}};

}  // namespace

std::span<const Rule> cpu_rules() { return kCpuRules; }

}  // namespace oldiron
