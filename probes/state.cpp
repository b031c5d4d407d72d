#include "probes/state.hpp"

#include <chrono>
#include <cstddef>
#include <thread>

#include "core/text.hpp"
#include "probes/cgroup.hpp"
#include "probes/files.hpp"
#include "probes/noise.hpp"

namespace oldiron {
namespace {

/// Free memory of the nodes that this process may allocate from, file cache included as in MemAvailable; -1
/// if unknown.
std::int64_t node_free(const std::string& root, std::string_view status, std::int64_t memory_total_bytes) {
  const std::string online = read_text(below(root, "/sys/devices/system/node/online")).value_or("");
  const std::vector<int> allowed = parse_cpu_list(line_after(status, "Mems_allowed_list"));
  std::int64_t free_bytes = 0, total_bytes = 0;
  for (const int node : parse_cpu_list(online)) {
    const auto text =
        read_text(below(root, "/sys/devices/system/node/node" + std::to_string(node) + "/meminfo"));
    if (!text) return -1;
    const std::string prefix = "Node " + std::to_string(node) + " ";
    const auto kib = [&](const char* key) { return number_after(*text, prefix + key).value_or(0); };
    total_bytes += kib("MemTotal") * kKiB;
    for (const int other : allowed)
      if (other == node)
        free_bytes +=
            (kib("MemFree") + kib("Active(file)") + kib("Inactive(file)") + kib("SReclaimable")) * kKiB;
  }
  // Guests whose memory was plugged in late count most of it to no node (seen on Firecracker: 6.4 of 24.7
  // GB).
  if (allowed.empty() || total_bytes < memory_total_bytes / 10 * 9) return -1;
  return free_bytes;
}

}  // namespace

std::vector<int> allowed_cpus(const std::string& root) {
  // The kernel has already cut the affinity mask to the cpuset. Of the first thread: a rank of a team is
  // pinned.
  return parse_cpu_list(
      line_after(read_text(below(root, "/proc/self/status")).value_or(""), "Cpus_allowed_list"));
}

MachineState read_state(const std::string& root, double watch_s) {
  MachineState state;
  state.allowed_cpus = static_cast<int>(allowed_cpus(root).size());
  const CgroupLimits cgroup = read_cgroup(root);
  state.cpu_quota = cgroup.cpu_quota;
  state.cgroup_memory_free_bytes = cgroup.memory_free_bytes;
  const std::string memory = read_text(below(root, "/proc/meminfo")).value_or("");
  state.memory_available_bytes = number_after(memory, "MemAvailable").value_or(0) * kKiB;
  state.node_free_bytes = node_free(root, read_text(below(root, "/proc/self/status")).value_or(""),
                                    number_after(memory, "MemTotal").value_or(0) * kKiB);
  const std::string load = read_text(below(root, "/proc/loadavg")).value_or("0");
  state.load_1min = std::stod("0" + load);
  if (watch_s > 0) {
    const NoiseSnapshot before = read_noise(root);
    std::this_thread::sleep_for(std::chrono::duration<double>(watch_s));
    const Noise noise = noise_between(before, read_noise(root));
    state.steal_fraction = noise.steal_fraction;
    state.other_cpu_fraction = noise.other_cpu_fraction;
  }
  return state;
}

}  // namespace oldiron
