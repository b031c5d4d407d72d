// What memory gives to more and more threads: reading, storing, and what the modules carry on paper.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/noise_words.hpp"
#include "reports/probe_charts.hpp"
#include "reports/probe_findings.hpp"
#include "reports/probe_words.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

ChartPoint point_of(int threads, const Measurement& m, std::string label) {
  return {.x = static_cast<double>(threads),
          .y = m.median,
          .low = m.low,
          .high = m.high,
          .label = std::move(label),
          .doubtful = is_noisy(m)};
}

int colour_of(const std::string& kind) { return kind == "write" ? 4 : kind == "copy" ? 2 : 5; }

void add_paper(const Machine& machine, const Profile& profile, ChartPanel& panel) {
  if (!machine.modules || machine.modules->bytes_per_s <= 0) return;
  const MemoryModules& modules = *machine.modules;
  const auto line = [&](double rate, const std::string& name, int colour) {
    ChartSeries series{.name = name, .style = SeriesStyle::ceiling, .colour = colour, .points = {}};
    for (const BandwidthPoint& p : profile.read)
      series.points.push_back({.x = static_cast<double>(p.threads), .y = rate, .label = ""});
    panel.series.push_back(std::move(series));
  };
  std::string filled = "on paper";
  if (modules.channels > 0)
    filled += fmt::format(", {} of {} channels", modules.channels, modules.all_channels);
  line(modules.bytes_per_s, bytes_per_s_text(modules.bytes_per_s) + " " + filled, 1);
  if (modules.full_bytes_per_s > modules.bytes_per_s)
    line(modules.full_bytes_per_s, bytes_per_s_text(modules.full_bytes_per_s) + " with all channels filled",
         6);
}

void add_streams(const std::vector<StreamRow>& rows, ChartPanel& panel) {
  for (const StreamRow& row : rows) {
    ChartSeries series{.name = one_line(row.past ? row.kind + " past the caches" : row.kind),
                       .style = SeriesStyle::points,
                       .colour = colour_of(row.kind),
                       .dashed = row.past,
                       .points = {}};
    for (const StreamPoint* p : row.points) series.points.push_back(point_of(p->threads, p->bytes_per_s, ""));
    if (!series.points.empty())
      series.points.back().label = bytes_per_s_text(row.points.back()->bytes_per_s.median);
    panel.series.push_back(std::move(series));
  }
}

std::string streams_note(const std::vector<StreamRow>& rows) {
  std::string moved;
  for (const StreamRow& row : rows)
    if (!row.past && row.moved > 1)
      moved +=
          fmt::format("{}{:.3g} times that of {}", moved.empty() ? "" : ", ", row.moved, one_line(row.kind));
  std::string text = fmt::format("Stores with {}, counted as the program moves them.",
                                 one_line(isas_text(rows)));
  if (!moved.empty()) text += " A cached store reads its line first, so that memory moves " + moved + ".";
  if (std::any_of(rows.begin(), rows.end(), [](const StreamRow& row) { return row.past; }))
    text += " Dashed: stores past the caches, which do not.";
  return text;
}

}  // namespace

Available<Chart> bandwidth_chart(const ProbeScreen& s) {
  const Profile& profile = s.profile;
  if (profile.read.empty()) return Available<Chart>::not_available("the bandwidth was not measured");
  ChartPanel panel;
  panel.title = "memory bandwidth";
  panel.x.title = "threads";
  panel.y.quantity = Quantity::bytes_per_s;
  add_paper(s.machine, profile, panel);
  ChartSeries read{.name = "read", .style = SeriesStyle::points, .colour = 0, .points = {}};
  for (const BandwidthPoint& p : profile.read)
    read.points.push_back(point_of(p.threads, p.bytes_per_s, bytes_per_s_text(p.bytes_per_s.median)));
  panel.series.push_back(std::move(read));
  const std::vector<StreamRow> rows = stream_rows(profile.abilities);
  add_streams(rows, panel);

  const BandwidthPoint& best = *best_read(profile);
  Chart chart;
  chart.title = as_title(read_finding(s.machine, profile));
  chart.subtitle = fmt::format("{} · {} of {} read with {}", cpu_text(s.machine), "a buffer",
                               bytes_text(static_cast<double>(best.buffer_bytes)), one_line(best.isa));
  chart.panels = {std::move(panel)};
  chart.notes = {
      "Median and its 95 % interval, which may be narrower than the mark. Hollow: measured in noise."};
  if (!rows.empty()) chart.notes.push_back(streams_note(rows));
  if (!s.machine.modules)
    chart.notes.push_back("No theoretical line: " + one_line(s.machine.modules.reason()) + ".");
  else if (s.machine.modules->bytes_per_s <= 0)
    chart.notes.push_back("No theoretical line: the modules' labels name no channels.");
  for (std::string& note : noise_notes(profile, {"reads", "stores"})) chart.notes.push_back(std::move(note));
  return chart;
}

}  // namespace oldiron::reports
