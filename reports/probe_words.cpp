#include "reports/probe_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/text.hpp"

namespace oldiron::reports {

std::string size_text(std::int64_t bytes) {
  if (bytes >= 1 << 30) return fmt::format("{} GiB", bytes >> 30);
  if (bytes >= 1 << 20) return fmt::format("{} MiB", bytes >> 20);
  return fmt::format("{} KiB", bytes >> 10);
}

std::string wait_text(double seconds) {
  if (seconds < 0.9995e-6) return rate_text(seconds * 1e9) + " ns";
  if (seconds < 0.9995e-3) return rate_text(seconds * 1e6) + " us";
  return seconds_text(seconds);
}

std::string count_text(std::size_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string threads_text(int threads) {
  return count_text(static_cast<std::size_t>(std::max(0, threads)), "thread");
}

bool is_noisy(const Measurement& measurement) {
  return std::any_of(measurement.tags.begin(), measurement.tags.end(), [](const std::string& tag) {
    return tag.starts_with("noisy") || tag.starts_with("under this load");
  });
}

const BandwidthPoint* best_read(const Profile& profile) {
  const auto best = std::max_element(profile.read.begin(), profile.read.end(),
                                     [](const BandwidthPoint& a, const BandwidthPoint& b) {
                                       return a.bytes_per_s.median < b.bytes_per_s.median;
                                     });
  return best == profile.read.end() ? nullptr : &*best;
}

std::vector<const LatencyPoint*> latency_points(const Abilities& abilities, bool small_pages) {
  std::vector<const LatencyPoint*> points;
  for (const LatencyPoint& point : abilities.latency)
    if ((point.page_size == "small") == small_pages) points.push_back(&point);
  return points;
}

std::vector<const LoadedLatencyPoint*> loaded_points(const Abilities& abilities) {
  std::vector<const LoadedLatencyPoint*> points;
  for (const LoadedLatencyPoint& point : abilities.loaded_latency) points.push_back(&point);
  std::stable_sort(
      points.begin(), points.end(), [](const LoadedLatencyPoint* a, const LoadedLatencyPoint* b) {
        return (a->readers == 0 ? 0 : a->bytes_per_s.median) < (b->readers == 0 ? 0 : b->bytes_per_s.median);
      });
  return points;
}

std::vector<StreamRow> stream_rows(const Abilities& abilities) {
  constexpr std::string_view kPast = "_past";
  std::vector<std::string> kinds;
  std::map<std::string, const StreamPoint*> fastest;  // of the most threads
  for (const StreamPoint& point : abilities.streams) {
    const StreamPoint*& best = fastest[point.kind];
    if (best == nullptr) kinds.push_back(point.kind);
    if (best == nullptr || std::pair(point.threads, point.bytes_per_s.median) >
                               std::pair(best->threads, best->bytes_per_s.median))
      best = &point;
  }
  std::vector<StreamRow> rows;
  for (const std::string& kind : kinds) {
    StreamRow row{.kind = kind, .past = kind.ends_with(kPast), .moved = fastest[kind]->moved};
    if (row.past) row.kind.resize(kind.size() - kPast.size());
    for (const StreamPoint& point : abilities.streams)
      if (point.kind == kind && point.isa == fastest[kind]->isa) row.points.push_back(&point);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string isas_text(const std::vector<StreamRow>& rows) {
  std::vector<std::string> isas;
  for (const StreamRow& row : rows)
    if (const std::string& isa = row.points.front()->isa; std::find(isas.begin(), isas.end(), isa) == isas.end())
      isas.push_back(isa);
  return list_text(isas, "or") + (isas.size() > 1 ? ", the faster of each" : "");
}

std::vector<const ComputePeak*> peaks_of_all_threads(const Profile& profile) {
  int most = 0;
  for (const ComputePeak& peak : profile.compute) most = std::max(most, peak.threads);
  std::vector<const ComputePeak*> peaks;
  for (const ComputePeak& peak : profile.compute)
    if (peak.threads == most && peak.ops_per_s.median > 0) peaks.push_back(&peak);
  return peaks;
}

std::vector<Cache> caches_that_show(const Machine& machine, const Abilities& abilities) {
  constexpr double kStep = 0.8;
  std::vector<const LatencyPoint*> points = latency_points(abilities, false);
  if (points.empty()) points = latency_points(abilities, true);
  std::vector<Cache> shown;
  for (const Cache& cache : machine.caches) {
    const LatencyPoint* inside = nullptr;
    for (const LatencyPoint* point : points)
      if (point->working_set_bytes * 2 <= cache.bytes) inside = point;
    if (inside == nullptr || points.back()->working_set_bytes < 2 * cache.bytes) continue;
    if (inside->s.median < kStep * points.back()->s.median) shown.push_back(cache);
  }
  return shown;
}

}  // namespace oldiron::reports
