// What is imposed on this process: control groups, resource limits, containers, kernel options.
#include <cstdlib>

#include "probes/cgroup.hpp"
#include "probes/fact_reader.hpp"
#include "probes/facts.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

using Text = Fact<std::string>;
using Number = Fact<std::int64_t>;

/// Nothing else of the kernel's command line is told: it may name disks, hosts and keys.
constexpr std::string_view kOptions[] = {
    "mitigations",  "isolcpus",     "nohz_full",      "nosmt",           "maxcpus",
    "mem",          "numa",         "hugepages",      "hugepagesz",      "default_hugepagesz",
    "intel_pstate", "amd_pstate",   "numa_balancing", "processor.max_cstate", "transparent_hugepage",
    "idle",         "cpufreq.default_governor", "intel_idle.max_cstate", "tsc", "clocksource"};

Number read_memlock(const FactReader& reader) {
  constexpr unsigned kIpcLock = 14;  // capabilities(7)
  const std::string status = read_text(below(reader.root(), "/proc/self/status")).value_or("");
  const std::string capabilities = line_after(status, "CapEff");
  const auto bits = std::strtoull(capabilities.c_str(), nullptr, 16);
  if ((bits >> kIpcLock & 1U) != 0) return Number::known(-1, "/proc/self/status: CAP_IPC_LOCK");
  const char* path = "/proc/self/limits";
  const std::string limit = line_after(read_text(below(reader.root(), path)).value_or(""), "Max locked memory");
  if (limit.starts_with("unlimited")) return Number::known(-1, path);
  const auto bytes = parse_number(limit);
  return bytes ? Number::known(*bytes, path) : Number::unknown(reader.why_not(path));
}

Text status_list(const FactReader& reader, const char* key) {
  const char* path = "/proc/self/status";
  const std::string list = line_after(read_text(below(reader.root(), path)).value_or(""), key);
  return list.empty() ? Text::unknown(reader.why_not(path)) : Text::known(list, path);
}

/// Guests whose disk was made of a Docker image keep its marks: a container's root is no partition.
bool root_is_a_disk(const FactReader& reader) {
  const std::string mounts = read_text(below(reader.root(), "/proc/self/mountinfo")).value_or("");
  for (const std::string_view line : split(mounts, '\n')) {
    const std::size_t dash = line.find(" - ");
    const auto left = split(line.substr(0, dash), ' ');
    if (dash == line.npos || left.size() < 5 || left[4] != "/") continue;
    const auto right = split(line.substr(dash + 3), ' ');
    return right.size() >= 2 && right[1].starts_with("/dev/") && right[1].find("docker") == line.npos;
  }
  return false;
}

Text read_container(const FactReader& reader) {
  const auto there = [&](const char* path) { return read_text(below(reader.root(), path)); };
  if (there("/.dockerenv") && !root_is_a_disk(reader)) return Text::known("docker", "/.dockerenv");
  if (there("/run/.containerenv")) return Text::known("podman", "/run/.containerenv");
  for (const char* path : {"/run/systemd/container", "/run/host/container-manager"})
    if (const auto name = reader.text(path)) return name;
  const std::string groups = there("/proc/self/cgroup").value_or("");
  for (const char* name : {"docker", "kubepods", "libpod", "lxc"})
    if (groups.find(name) != groups.npos) return Text::known(name, "/proc/self/cgroup");
  return Text::known("none seen", "/proc/self/cgroup");
}

Text read_options(const FactReader& reader) {
  const char* path = "/proc/cmdline";
  const auto line = read_text(below(reader.root(), path));
  if (!line) return Text::unknown(reader.why_not(path));
  const std::string told = known_kernel_options(*line);
  return Text::known(told.empty() ? "none that matter" : told, path);
}

}  // namespace

std::string known_kernel_options(std::string_view line) {
  std::string told;
  for (const std::string_view word : split(trim(line), ' '))
    for (const std::string_view option : kOptions)
      if (word.substr(0, word.find('=')) == option) told += (told.empty() ? "" : " ") + std::string(word);
  return told;
}

void read_limit_facts(const FactReader& reader, Facts& facts) {
  const CgroupLimits cgroup = read_cgroup(reader.root());
  facts.memlock_bytes = read_memlock(reader);
  facts.cpu_quota = Fact<double>::known(cgroup.cpu_quota, "cgroup: cpu.max");
  facts.cpuset = status_list(reader, "Cpus_allowed_list");
  facts.memory_nodes = status_list(reader, "Mems_allowed_list");
  facts.memory_limit_bytes = Number::known(cgroup.memory_limit_bytes, "cgroup: memory.max");
  facts.container = read_container(reader);
  const char* isolated = "/sys/devices/system/cpu/isolated";
  const auto cpus = read_text(below(reader.root(), isolated));
  facts.isolated_cpus = !cpus                ? Text::unknown(reader.why_not(isolated))
                        : trim(*cpus).empty() ? Text::known("none", isolated)
                                              : Text::known(std::string(trim(*cpus)), isolated);
  facts.kernel_options = read_options(reader);
  facts.perf_event_paranoid = reader.number("/proc/sys/kernel/perf_event_paranoid");
}

}  // namespace oldiron
