// The part of `oldiron probe` that tells how long single loads, scattered blocks and hand-overs take.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/probe_sections.hpp"
#include "reports/probe_words.hpp"

namespace oldiron::reports {
namespace {

constexpr int kAbilityColumns = 13;

std::string ns_text(const LatencyPoint* point) {
  return point == nullptr ? "-" : rate_text(point->s.median * 1e9);
}

/// A cell per working set, in two columns that are read one after the other; a bar over a logarithmic scale,
/// so that every level of cache is a step.
std::string waits(const Abilities& a) {
  if (a.latency.empty()) return "";
  std::map<std::int64_t, std::pair<const LatencyPoint*, const LatencyPoint*>> sizes;  // small pages, others
  double least = a.latency.front().s.median, most = least;
  for (const LatencyPoint& p : a.latency) {
    auto& [small, other] = sizes[p.working_set_bytes];
    (p.page_size == "small" ? small : other) = &p;
    least = std::min(least, p.s.median);
    most = std::max(most, p.s.median);
  }
  constexpr int kSize = 8, kValue = 6, kBar = 14;
  std::vector<std::string> cells;
  for (const auto& [bytes, points] : sizes) {
    const LatencyPoint* drawn = points.first != nullptr ? points.first : points.second;
    const double share = std::log(drawn->s.median / least * 1.2) / std::log(most / least * 1.2);
    cells.push_back(left(size_text(bytes), kSize) + right(ns_text(points.first), kValue) +
                    right(ns_text(points.second), kValue) + "  " +
                    left(bar(std::clamp(share, 0.0, 1.0), kBar), kBar + 2));
  }
  const std::size_t rows = (cells.size() + 1) / 2;
  const std::string head = left("", kSize) + right("4 KiB", kValue) + right("huge", kValue) + " pages, ns";
  std::string out =
      "  a load waits\n  " + left(head, columns(cells.front())) + (cells.size() > rows ? head : "") + "\n";
  for (std::size_t row = 0; row < rows; ++row) {
    std::string line = "  " + cells[row] + (row + rows < cells.size() ? cells[row + rows] : "");
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

/// One column per pause of the readers, under a sparkline of what the load waits.
std::string under_load(const Abilities& a) {
  constexpr std::string_view kHeights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr int kCell = 8, kSpark = 5;
  constexpr std::size_t kMost = 8;
  std::vector<const LoadedLatencyPoint*> points = loaded_points(a);
  if (points.size() < 2) return "";
  // Of more, those with the strongest load tell most, and the first is alone.
  if (points.size() > kMost)
    points.erase(points.begin() + 1, points.end() - static_cast<std::ptrdiff_t>(kMost - 1));
  double most = 0;
  int readers = 0;
  for (const LoadedLatencyPoint* p : points) {
    most = std::max(most, p->s.median);
    readers = std::max(readers, p->readers);
  }
  std::string spark, waited, read;
  for (const LoadedLatencyPoint* p : points) {
    const auto height = std::clamp<std::int64_t>(std::llround(p->s.median / most * 8) - 1, 0, 7);
    std::string block;
    for (int i = 0; i < kSpark; ++i) block += kHeights[height];
    spark += right(block, kCell);
    waited += right(rate_text(p->s.median * 1e9), kCell);
    read += right(p->readers == 0 ? "alone" : rate_text(p->bytes_per_s.median / 1e9), kCell);
  }
  const std::string label =
      fmt::format("beside {} that {} less and less", count_text(static_cast<std::size_t>(readers), "reader"),
                  readers == 1 ? "pauses" : "pause");
  return "\n  a load waits, " + label + "\n  " + left("", kAbilityColumns - 5) + spark + "\n  " +
         left("ns", kAbilityColumns - 5) + waited + "\n  " + left("GB/s", kAbilityColumns - 5) + read + "\n";
}

std::string others(const Abilities& a) {
  std::string out;
  if (!a.blocks.empty()) {
    std::string text;
    for (const BlockReadPoint& p : a.blocks)
      text += (text.empty() ? "" : ", ") +
              glued(size_text(p.block_bytes) + " " + rate_text(p.bytes_per_s.median / 1e9));
    out += labelled("scattered", fmt::format("blocks in random order, as experts are read: {} GB/s", text));
  }
  if (!a.hand_overs.empty()) {
    const auto [fast, slow] =
        std::minmax_element(a.hand_overs.begin(), a.hand_overs.end(),
                            [](const HandOver& x, const HandOver& y) { return x.s.median < y.s.median; });
    out += labelled("core to core",
                    fast == slow ? wait_text(fast->s.median)
                                 : fmt::format("{} (CPU {} and {}) to {} (CPU {} and {})",
                                               wait_text(fast->s.median), fast->from_cpu, fast->to_cpu,
                                               wait_text(slow->s.median), slow->from_cpu, slow->to_cpu));
  }
  if (!a.barriers.empty())
    out += labelled("a barrier", fmt::format("{} of {}", wait_text(a.barriers.back().s.median),
                                             threads_text(a.barriers.back().threads)));
  return out.empty() ? "" : "\n" + out;
}

}  // namespace

std::string abilities_text(const Abilities& a) { return waits(a) + under_load(a) + others(a); }

}  // namespace oldiron::reports
