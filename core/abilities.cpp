#include "core/abilities.hpp"

#include <algorithm>

namespace oldiron {
namespace {

/// Calls join(a, b) for every point of `first` and the one of `later` that measures the same.
template <class Point, class Same, class Join>
void join_points(std::vector<Point>& first, const std::vector<Point>& later, Same same, Join join) {
  for (Point& a : first) {
    const auto b = std::find_if(later.begin(), later.end(), [&](const Point& each) { return same(a, each); });
    if (b != later.end()) join(a, *b);
  }
}

constexpr auto kSeconds = [](auto& a, const auto& b) { append(a.s, b.s); };
constexpr auto kRate = [](auto& a, const auto& b) { append(a.bytes_per_s, b.bytes_per_s); };
constexpr auto kBoth = [](auto& a, const auto& b) {
  append(a.bytes_per_s, b.bytes_per_s);
  append(a.s, b.s);
};

}  // namespace

void append(Abilities& first, const Abilities& later) {
  join_points(first.latency, later.latency,
              [](const LatencyPoint& a, const LatencyPoint& b) { return a.working_set_bytes == b.working_set_bytes && a.page_size == b.page_size; }, kSeconds);
  join_points(first.loaded_latency, later.loaded_latency,
              [](const LoadedLatencyPoint& a, const LoadedLatencyPoint& b) { return a.readers == b.readers && a.pause_s == b.pause_s; }, kBoth);
  join_points(first.blocks, later.blocks,
              [](const BlockReadPoint& a, const BlockReadPoint& b) { return a.block_bytes == b.block_bytes && a.threads == b.threads; }, kRate);
  join_points(first.hand_overs, later.hand_overs,
              [](const HandOver& a, const HandOver& b) { return a.from_cpu == b.from_cpu && a.to_cpu == b.to_cpu; }, kSeconds);
  join_points(first.barriers, later.barriers, [](const BarrierPoint& a, const BarrierPoint& b) { return a.threads == b.threads; }, kSeconds);
  join_points(first.streams, later.streams,
              [](const StreamPoint& a, const StreamPoint& b) { return a.kind == b.kind && a.isa == b.isa && a.threads == b.threads; }, kRate);
  join_points(first.node_pairs, later.node_pairs,
              [](const NodePair& a, const NodePair& b) { return a.cpu_node == b.cpu_node && a.memory_node == b.memory_node; }, kBoth);
}

}  // namespace oldiron
