// The roofline (Williams, Waterman, Patterson, CACM 52 (2009)): what reading and arithmetic allow over
// operations per byte.
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

int colour_of(ComputeType type) { return type == ComputeType::int8 ? 0 : type == ComputeType::bf16 ? 2 : 1; }

}  // namespace

Available<Chart> roofline_chart(const ProbeScreen& s) {
  const BandwidthPoint* read = best_read(s.profile);
  const std::vector<const ComputePeak*> peaks = peaks_of_all_threads(s.profile);
  if (read == nullptr || read->bytes_per_s.median <= 0)
    return Available<Chart>::not_available("the bandwidth was not measured");
  if (peaks.empty()) return Available<Chart>::not_available("no peak of arithmetic was measured");
  const std::vector<StepPlace> places = s.model ? step_places(*s.model) : std::vector<StepPlace>{};

  const double rate = read->bytes_per_s.median;
  const auto slower = [](const ComputePeak* a, const ComputePeak* b) {
    return a->ops_per_s.median < b->ops_per_s.median;
  };
  const double least_ridge = (*std::min_element(peaks.begin(), peaks.end(), slower))->ops_per_s.median / rate;
  const double most_ridge = (*std::max_element(peaks.begin(), peaks.end(), slower))->ops_per_s.median / rate;
  double first = least_ridge / 8, last = most_ridge * 8;
  for (const StepPlace& place : places) {
    first = std::min(first, place.ops_per_byte / 2);
    last = std::max(last, place.ops_per_byte * 2);
  }

  ChartPanel panel;
  panel.title = "what can be computed";
  panel.x = {.title = "operations per byte read",
             .quantity = Quantity::ops_per_byte,
             .names = {},
             .scale = Scale::logarithmic};
  panel.y = {.title = "", .quantity = Quantity::ops_per_s, .names = {}, .scale = Scale::logarithmic};
  ChartSeries steps{.name = "", .style = SeriesStyle::mark, .points = {}};
  for (const StepPlace& place : places)
    steps.points.push_back({.x = place.ops_per_byte, .label = place.name});
  if (!steps.points.empty()) panel.series.push_back(std::move(steps));
  for (const ComputePeak* peak : peaks) {
    const double top = peak->ops_per_s.median;
    panel.series.push_back(
        {.name = fmt::format("{} {} {}", to_string(peak->type), one_line(peak->isa), ops_per_s_text(top)),
         .style = SeriesStyle::line,
         .colour = colour_of(peak->type),
         .points = {{.x = top / rate, .y = top, .label = ""}, {.x = last, .y = top, .label = ""}}});
  }
  panel.series.push_back({.name = fmt::format("reading, {}", bytes_per_s_text(rate)),
                          .style = SeriesStyle::line,
                          .colour = 4,
                          .points = {{.x = first, .y = rate * first, .label = ""},
                                     {.x = most_ridge, .y = rate * most_ridge, .label = ""}}});

  Chart chart;
  chart.title = as_title(roofline_finding(s.profile, s.model ? &*s.model : nullptr));
  const int threads = peaks.front()->threads;
  chart.subtitle =
      fmt::format("{} · {} multiply, {} read", cpu_text(s.machine), threads_text(threads), read->threads);
  chart.panels = {std::move(panel)};
  chart.notes = {"Both are measured; an addition and a multiplication are one operation each."};
  if (s.model)
    chart.notes.push_back(fmt::format(
        "Upright: steps of {}, computed from its tensors, not measured: decode of 1, 4 and 16 sequences with "
        "{} tokens each in the context, and a "
        "prompt of {}. Weights are read once a step, experts by their union, each token choosing by itself.",
        model_name(*s.model), kPlacedTokens, kPlacedTokens));
  for (std::string& note : noise_notes(s.profile, {"reads", "peaks"})) chart.notes.push_back(std::move(note));
  return chart;
}

}  // namespace oldiron::reports
