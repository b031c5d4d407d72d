// Where threads go and how many there may be: pure functions of the machine and its state.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "core/machine.hpp"

namespace oldiron {

int usable_threads(const Machine& machine, const MachineState& state) {
  int threads = static_cast<int>(machine.cores.size());
  if (state.allowed_cpus > 0) threads = std::min(threads, state.allowed_cpus);
  if (state.cpu_quota > 0) threads = std::min(threads, static_cast<int>(std::floor(state.cpu_quota)));
  return std::max(1, threads);
}

std::string why_too_many_threads(int threads, const MachineState& state) {
  const auto quota = std::max(1, static_cast<int>(std::floor(state.cpu_quota)));
  if (state.cpu_quota > 0 && threads > quota)
    return fmt::format(
        "{} threads are more than the cgroup's CPU quota of {:.3g} lets run at once: use {}, or raise the "
        "quota "
        "(cpu.max, in version 1 cpu.cfs_quota_us)",
        threads, state.cpu_quota, quota);
  if (state.allowed_cpus > 0 && threads > state.allowed_cpus)
    return fmt::format("{} threads are more than the {} CPUs that affinity and cpuset leave now: use {}",
                       threads, state.allowed_cpus, state.allowed_cpus);
  return "";
}

std::int64_t usable_memory_bytes(const MachineState& state) {
  std::int64_t bytes = state.memory_available_bytes;
  if (state.cgroup_memory_free_bytes >= 0) bytes = std::min(bytes, state.cgroup_memory_free_bytes);
  if (state.node_free_bytes >= 0) bytes = std::min(bytes, state.node_free_bytes);
  // Page tables of 16 GB are 32 MB; the rest is for the shell, the file cache and what else wakes up during a
  // trial.
  const std::int64_t reserve = std::max({std::int64_t{512} << 20, bytes / 100 * 3, state.leave_memory_bytes});
  return std::max(std::int64_t{0}, bytes - reserve);
}

namespace {

/// In the order in which threads fill them.
std::vector<const Core*> filled_in_order(const Machine& machine) {
  std::vector<const Core*> cores;
  for (const Core& core : machine.cores) cores.push_back(&core);
  std::stable_sort(cores.begin(), cores.end(), [](const Core* a, const Core* b) {
    if (a->node != b->node) return a->node < b->node;
    if (a->efficiency != b->efficiency) return a->efficiency > b->efficiency;
    return a->id < b->id;
  });
  return cores;
}

}  // namespace

std::vector<int> cpus_without_last(const Machine& machine, int leave) {
  std::vector<const Core*> cores = filled_in_order(machine);
  cores.resize(cores.size() - std::min(cores.size(), static_cast<std::size_t>(std::max(0, leave))));
  std::vector<int> cpus;
  for (const Core* core : cores) cpus.insert(cpus.end(), core->cpus.begin(), core->cpus.end());
  return cpus;
}

std::vector<int> place(const Machine& machine, int n_threads) {
  CHECK(n_threads >= 1, "threads to place");
  const std::vector<const Core*> cores = filled_in_order(machine);
  std::vector<int> order;
  for (std::size_t sibling = 0, before = 1; before != order.size(); ++sibling) {
    before = order.size();
    for (const Core* core : cores)
      if (sibling < core->cpus.size()) order.push_back(core->cpus[sibling]);
  }
  std::vector<int> cpus;
  // More threads than CPUs share them; on a machine that was not looked at nothing is pinned (-1).
  for (std::size_t i = 0; i < static_cast<std::size_t>(n_threads); ++i)
    cpus.push_back(order.empty() ? -1 : order[i % order.size()]);
  return cpus;
}

std::vector<int> nodes_of(const Machine& machine, const std::vector<int>& cpus) {
  std::vector<int> nodes;
  for (const int cpu : cpus) {
    const auto has = [cpu](const Core& core) {
      return std::find(core.cpus.begin(), core.cpus.end(), cpu) != core.cpus.end();
    };
    const auto core = std::find_if(machine.cores.begin(), machine.cores.end(), has);
    nodes.push_back(core == machine.cores.end() ? 0 : core->node);
  }
  return nodes;
}

}  // namespace oldiron
