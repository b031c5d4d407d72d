// How long a load waits that needs the one before: over working sets, and beside threads that read.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "reports/noise_words.hpp"
#include "reports/probe_charts.hpp"
#include "reports/probe_findings.hpp"
#include "reports/probe_words.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

constexpr const char* kIntervalNote =
    "Median and its 95 % interval, which may be narrower than the mark. Hollow: measured in noise.";

ChartSeries waits_of(const std::vector<const LatencyPoint*>& points, const char* name, int colour) {
  ChartSeries series{.name = name, .style = SeriesStyle::points, .colour = colour, .points = {}};
  for (const LatencyPoint* p : points)
    series.points.push_back({.x = static_cast<double>(p->working_set_bytes),
                             .y = p->s.median,
                             .low = p->s.low,
                             .high = p->s.high,
                             .label = p == points.back() ? wait_text(p->s.median) : "",
                             .doubtful = is_noisy(p->s)});
  return series;
}

}  // namespace

Available<Chart> latency_chart(const ProbeScreen& s) {
  const Abilities& a = s.profile.abilities;
  if (a.latency.empty())
    return Available<Chart>::not_available("latencies are measured by a full probe only");
  const std::vector<const LatencyPoint*> small = latency_points(a, true), large = latency_points(a, false);
  ChartPanel panel;
  panel.title = "a load waits";
  panel.x = {
      .title = "working set", .quantity = Quantity::binary_bytes, .names = {}, .scale = Scale::logarithmic};
  panel.y = {.title = "", .quantity = Quantity::seconds, .names = {}, .scale = Scale::logarithmic};
  ChartSeries caches{.name = "caches", .style = SeriesStyle::mark, .points = {}};
  for (const Cache& cache : caches_that_show(s.machine, a))
    caches.points.push_back({.x = static_cast<double>(cache.bytes),
                             .label = fmt::format("L{} {}", cache.level, size_text(cache.bytes))});
  if (!caches.points.empty()) panel.series.push_back(caches);
  if (!small.empty()) panel.series.push_back(waits_of(small, "4 KiB pages", 0));
  if (!large.empty()) panel.series.push_back(waits_of(large, "huge pages", 1));

  Chart chart;
  chart.title = as_title(latency_finding(a));
  chart.subtitle =
      cpu_text(s.machine) +
      " · loads in random order over all lines of a working set, each waiting for the one before";
  chart.panels = {std::move(panel)};
  chart.notes = {kIntervalNote};
  if (!caches.points.empty())
    chart.notes.push_back(
        "Upright: the caches that the system tells of, where the latencies show a step for them.");
  if (!large.empty() && large.back()->huge_page_bytes >= 0 &&
      large.back()->huge_page_bytes < large.back()->working_set_bytes)
    chart.notes.push_back(fmt::format("Of the largest working set, {} of {} were in huge pages.",
                                      size_text(large.back()->huge_page_bytes),
                                      size_text(large.back()->working_set_bytes)));
  for (std::string& note : noise_notes(s.profile, {"latencies"})) chart.notes.push_back(std::move(note));
  return chart;
}

Available<Chart> loaded_latency_chart(const ProbeScreen& s) {
  const std::vector<const LoadedLatencyPoint*> points = loaded_points(s.profile.abilities);
  if (points.empty())
    return Available<Chart>::not_available(
        "latency under load is measured by a full probe with two threads or more");
  if (points.size() < 2)
    return Available<Chart>::not_available("latency was measured with nobody reading beside it");
  int readers = 0;
  ChartSeries series{.name = "latency", .style = SeriesStyle::points, .colour = 0, .points = {}};
  for (const LoadedLatencyPoint* p : points) {
    readers = std::max(readers, p->readers);
    series.points.push_back({.x = p->readers == 0 ? 0 : p->bytes_per_s.median,
                             .y = p->s.median,
                             .low = p->s.low,
                             .high = p->s.high,
                             .label = wait_text(p->s.median),
                             .doubtful = is_noisy(p->s) || is_noisy(p->bytes_per_s)});
  }
  ChartPanel panel;
  panel.title = "a load from memory waits";
  panel.x = {.title = "what the others read meanwhile",
             .quantity = Quantity::bytes_per_s,
             .names = {},
             .scale = Scale::linear};
  panel.y.quantity = Quantity::seconds;
  panel.series = {std::move(series)};
  Chart chart;
  chart.title = as_title(loaded_latency_finding(s.profile.abilities));
  chart.subtitle =
      fmt::format("{} · one thread waits for single loads, {} beside it, pausing less and less",
                  cpu_text(s.machine), readers == 1 ? "another reads" : fmt::format("{} read", readers));
  chart.panels = {std::move(panel)};
  chart.notes = {kIntervalNote};
  for (std::string& note : noise_notes(s.profile, {"latencies"})) chart.notes.push_back(std::move(note));
  return chart;
}

}  // namespace oldiron::reports
