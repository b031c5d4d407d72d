// The waterfall: from bare defaults to the full line, one flag added to the other.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "reports/ablation.hpp"
#include "reports/layout.hpp"

namespace oldiron::reports {
namespace {

constexpr int kWhole = 3, kFaster = 0, kSlower = 1, kOpen = 3;

std::string label_of(const AblationEffect& effect) {
  return effect.clear ? fmt::format("{:+.{}f} %", 100 * (effect.ratio.median - 1), std::abs(effect.ratio.median - 1) < 0.0995 ? 1 : 0) : "none seen";
}

ChartPanel panel_of(const Audit& audit, const Ablation& ablation, AblationMetric metric) {
  ChartPanel panel;
  panel.title = metric == AblationMetric::decode ? "decode" : "prefill";
  panel.y = {.title = "tokens/s", .quantity = Quantity::tokens_per_s, .names = {}};
  ChartSeries whole{.name = panel.title + ", tokens/s", .style = SeriesStyle::span, .colour = kWhole, .points = {}};
  ChartSeries faster{.name = "faster", .style = SeriesStyle::span, .colour = kFaster, .points = {}};
  ChartSeries slower{.name = "slower", .style = SeriesStyle::span, .colour = kSlower, .points = {}};
  ChartSeries open{.name = "not clear", .style = SeriesStyle::span, .colour = kOpen, .points = {}};
  double before = 0;
  const auto add = [&](ChartSeries& series, const std::string& name, double from, double to, std::string label, bool doubtful) {
    series.points.push_back({.x = static_cast<double>(panel.x.names.size()),
                             .y = std::max(from, to),
                             .low = std::min(from, to),
                             .high = std::max(from, to),
                             .label = std::move(label),
                             .doubtful = doubtful});
    panel.x.names.push_back(one_line(name));
  };
  for (std::size_t i = 0; i < ablation.steps.size(); ++i) {
    const double speed = ablation_speed(ablation.steps[i], metric);
    if (speed <= 0) continue;
    const std::string name = step_text(audit, ablation.steps[i]);
    if (i == 0) {
      add(whole, name, 0, speed, rate_text(speed), false);
    } else {
      const AblationEffect effect = ablation_effect(ablation, i, i - 1, metric);
      add(!effect.clear ? open : effect.ratio.median > 1 ? faster : slower, name, before, speed, label_of(effect), !effect.clear);
    }
    before = speed;
  }
  add(whole, "the whole line", 0, before, rate_text(before), false);
  for (ChartSeries* series : {&whole, &faster, &slower, &open})
    if (!series->points.empty()) panel.series.push_back(std::move(*series));
  return panel;
}

std::string finding(const Ablation& ablation, AblationMetric metric) {
  const AblationEffect whole = ablation_effect(ablation, ablation.steps.size() - 1, 0, metric);
  const std::string speed = metric == AblationMetric::decode ? "decode" : "prefill";
  if (!whole.clear) return fmt::format("the line changes {} by nothing that was seen", speed);
  std::size_t clear = 0;
  for (std::size_t i = 1; i < ablation.steps.size(); ++i) clear += ablation_effect(ablation, i, i - 1, metric).clear ? 1 : 0;
  return fmt::format("the line makes {} {} % {}, by {} of its {} steps", speed, rate_text(100 * std::abs(whole.ratio.median - 1)),
                     whole.ratio.median > 1 ? "faster" : "slower", clear, ablation.steps.size() - 1);
}

}  // namespace

Available<Chart> ablation_chart(const Audit& audit, const Ablation& ablation) {
  if (ablation.steps.size() < 2 || ablation.steps.back().speeds.empty()) return Available<Chart>::not_available("no pass of the ablation ended");
  Chart chart;
  std::vector<std::string> findings;
  for (const AblationMetric metric : {AblationMetric::decode, AblationMetric::prefill}) {
    if (ablation_effect(ablation, ablation.steps.size() - 1, 0, metric).pairs == 0) continue;
    chart.panels.push_back(panel_of(audit, ablation, metric));
    findings.push_back(finding(ablation, metric));
  }
  if (chart.panels.empty()) return Available<Chart>::not_available("the tool told no speeds");
  chart.title = list_text(findings, "and");
  chart.title[0] = 'T';
  chart.subtitle = fmt::format("{} · {} · {} passes, each start {}", audit.line.tool, one_line(audit.version), ablation.steps.back().speeds.size(), ablation.work);
  chart.notes = {
      "Each flag is added to those above it. Bars join medians over the passes; percentages are medians of pairs taken side by side.",
      "Hollow, none seen: 95 % intervals of all comparisons together leave it open whether there is a difference at all."};
  for (const std::string& note : ablation.notes) chart.notes.push_back(note);
  if (!ablation.end.empty()) chart.notes.push_back("Ended early: " + ablation.end);
  return chart;
}

}  // namespace oldiron::reports
