#include "probes/node_pairs.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <map>
#include <memory>
#include <utility>

#include "core/clock.hpp"
#include "core/team.hpp"
#include "probes/latency.hpp"
#include "probes/sample_watch.hpp"

namespace oldiron {
namespace {

constexpr int kPairSamples = 5;
constexpr double kChase_s = 0.01;

/// Pages of a sample that lie on another node, as a share; 0 where the kernel does not tell.
double elsewhere(const Buffer& buffer, int node) {
  constexpr std::size_t kAsked = 256;
  std::vector<const void*> pages;
  for (std::size_t i = 0; i < kAsked; ++i) pages.push_back(buffer.data() + buffer.size() / kAsked * i / 4096 * 4096);
  std::vector<int> nodes(pages.size(), -1);
  if (syscall(SYS_move_pages, 0, pages.size(), pages.data(), nullptr, nodes.data(), 0) != 0) return 0;
  const auto others = std::count_if(nodes.begin(), nodes.end(), [&](int each) { return each >= 0 && each != node; });
  return static_cast<double>(others) / static_cast<double>(pages.size());
}

NodePair measure_nodes(const NodePairPlan& plan, const NodePairPlan::Node& reads, const NodePairPlan::Node& has) {
  Buffer buffer(static_cast<std::size_t>(plan.bytes), PageSize::transparent);
  std::unique_ptr<PointerRing> ring;
  Team(std::vector<int>{has.cpus.front()}).run(1, [&](int, int) {
    std::fill_n(reinterpret_cast<std::uint64_t*>(buffer.data()), buffer.size() / sizeof(std::uint64_t), reinterpret_cast<std::uintptr_t>(&buffer));
    ring = std::make_unique<PointerRing>(plan.ring_bytes, PageSize::transparent);
  });
  Team team(reads.cpus);
  int passes = 1;
  std::atomic<std::uint64_t> checksum = 0;
  const auto sample = [&] {
    return sampled_rate(plan.bytes, passes, [&](int n) {
      return passes_s(team, plan.bytes, plan.bytes, n, [&](Range r) {
        checksum += plan.reader.read(buffer.data() + r.begin, static_cast<std::size_t>(r.end - r.begin), plan.prefetch_bytes);
      });
    });
  };
  sample();
  SampleWatch read_watch;
  std::vector<double> rates, waits;
  while (rates.size() < kPairSamples) {
    rates.push_back(sample());
    read_watch.end_sample();
  }
  NodePair pair{.cpu_node = reads.number,
                .memory_node = has.number,
                .threads = team.size(),
                .bytes_per_s = summarise("node_read", "bytes/s", std::move(rates))};
  label(pair.bytes_per_s, read_watch.finish());
  SampleWatch chase_watch;
  team.run(1, [&](int, int) {
    const auto loads = static_cast<std::int64_t>(kChase_s / ring->follow_s(1 << 12)) + 1;
    while (waits.size() < kPairSamples) {
      waits.push_back(ring->follow_s(loads));
      chase_watch.end_sample();
    }
  });
  pair.s = summarise("node_latency", "s", std::move(waits));
  label(pair.s, chase_watch.finish());
  if (const double share = elsewhere(buffer, has.number); share > 0)
    pair.bytes_per_s.tags.push_back(fmt::format("{:.0f} % of the pages lay on other nodes", 100 * share));
  return pair;
}

}  // namespace

NodePairPlan plan_node_pairs(const Machine& machine, const MachineState& state) {
  const std::vector<int> cpus = place(machine, usable_threads(machine, state));
  const std::vector<int> nodes = nodes_of(machine, cpus);
  std::map<int, std::vector<int>> by_node;
  for (std::size_t i = 0; i < cpus.size(); ++i) by_node[nodes[i]].push_back(cpus[i]);
  NodePairPlan plan{.nodes = {}, .reader = stream_readers().front()};
  if (by_node.size() > 1)
    for (auto& [number, own] : by_node) plan.nodes.push_back({.number = number, .cpus = std::move(own)});
  const std::int64_t free = usable_memory_bytes(state) / 8 / std::max<std::int64_t>(1, machine.nodes);
  plan.bytes = std::min(std::max<std::int64_t>(plan.bytes, 4 * believable_cache_bytes(machine)), free) >> 20 << 20;
  plan.ring_bytes = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(std::max<std::int64_t>(plan.bytes / 2, 4096))));
  return plan;
}

std::vector<NodePair> measure_node_pairs(const NodePairPlan& plan) {
  std::vector<NodePair> pairs;
  if (plan.bytes < 1 << 20) return pairs;
  const double until_s = now_s() + plan.budget_s;
  for (const NodePairPlan::Node& has : plan.nodes)
    for (const NodePairPlan::Node& reads : plan.nodes)
      if (now_s() < until_s) pairs.push_back(measure_nodes(plan, reads, has));
  return pairs;
}

}  // namespace oldiron
