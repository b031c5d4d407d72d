// The part of `oldiron probe` that tells how long single loads, scattered blocks and hand-overs take.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/screens.hpp"

namespace oldiron::reports {
namespace {

std::string count(int n, std::string_view what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

std::string short_text(double seconds) {
  if (seconds < 0.9995e-6) return rate_text(seconds * 1e9) + " ns";
  if (seconds < 0.9995e-3) return rate_text(seconds * 1e6) + " us";
  return seconds_text(seconds);
}

/// Working sets are powers of two and are named as such.
std::string size_text(std::int64_t bytes) {
  if (bytes >= 1 << 30) return fmt::format("{} GiB", bytes >> 30);
  if (bytes >= 1 << 20) return fmt::format("{} MiB", bytes >> 20);
  return fmt::format("{} KiB", bytes >> 10);
}

/// One row per working set: a bar over a logarithmic scale, so that every level of cache is a step.
std::string waits(const Abilities& a) {
  if (a.latency.empty()) return "";
  std::map<std::int64_t, std::pair<const LatencyPoint*, const LatencyPoint*>> rows;  // small pages, others
  double least = a.latency.front().s.median, most = least;
  for (const LatencyPoint& p : a.latency) {
    auto& [small, other] = rows[p.working_set_bytes];
    (p.page_size == "small" ? small : other) = &p;
    least = std::min(least, p.s.median);
    most = std::max(most, p.s.median);
  }
  constexpr int kBar = 30;
  std::string out = "  " + left("a load waits", 13) + right("4 KiB pages", 12) + right("huge pages", 12) + "\n";
  for (const auto& [bytes, row] : rows) {
    const auto ns = [](const LatencyPoint* p) { return p == nullptr ? std::string("-") : short_text(p->s.median); };
    const LatencyPoint* drawn = row.first != nullptr ? row.first : row.second;
    const double share = std::log(drawn->s.median / least * 1.2) / std::log(most / least * 1.2);
    out += "  " + left(size_text(bytes), 13) + right(ns(row.first), 12) + right(ns(row.second), 12) + "   " +
           bar(std::clamp(share, 0.0, 1.0), kBar) + "\n";
  }
  return out;
}

std::string meets(const Abilities& a) {
  std::string out;
  if (a.loaded_latency.size() > 1) {
    out += "\n  " + left("under load", 13) + right("others read", 12) + right("a load", 12) + "\n";
    for (const LoadedLatencyPoint& p : a.loaded_latency)
      out += "  " + left(p.readers == 0 ? "alone" : p.pause_s == 0 ? count(p.readers, "reader") : "each pausing", 13) +
             right(p.readers == 0 ? "-" : bytes_per_s_text(p.bytes_per_s.median), 12) + right(short_text(p.s.median), 12) +
             (p.pause_s > 0 ? "   " + short_text(p.pause_s) : "") + "\n";
  }
  if (!a.blocks.empty()) {
    std::string text;
    for (const BlockReadPoint& p : a.blocks)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", size_text(p.block_bytes), glued(bytes_per_s_text(p.bytes_per_s.median)));
    out += "\n" + labelled("scattered", fmt::format("blocks in random order, as experts are read: {}", text));
  }
  if (!a.hand_overs.empty()) {
    const auto [fast, slow] = std::minmax_element(a.hand_overs.begin(), a.hand_overs.end(),
                                                  [](const HandOver& x, const HandOver& y) { return x.s.median < y.s.median; });
    out += labelled("core to core", fast == slow ? short_text(fast->s.median)
                                                 : fmt::format("{} (CPU {} and {}) to {} (CPU {} and {})", short_text(fast->s.median),
                                                               fast->from_cpu, fast->to_cpu, short_text(slow->s.median),
                                                               slow->from_cpu, slow->to_cpu));
  }
  if (!a.barriers.empty())
    out += labelled("a barrier", fmt::format("{} of {}", short_text(a.barriers.back().s.median),
                                             count(a.barriers.back().threads, "thread")));
  return out;
}

}  // namespace

std::string abilities_text(const Abilities& a) { return waits(a) + meets(a); }

}  // namespace oldiron::reports
