// What one lever does: decode and prefill over its values, all else equal, against the wall that memory sets.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "core/text.hpp"
#include "reports/charts.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

/// All trials of one value of the swept lever.
struct Value {
  std::string text;
  std::vector<double> samples;
  bool doubtful = false;
};

struct Sweep {
  std::string lever;
  Config base;  ///< of its first trial; the swept lever apart, of all
  Engine engine = Engine::oldiron;
  std::vector<Value> values;
  bool has_answer = false;
};

/// Everything that can change this speed, but for the swept lever: trials are comparable if it is equal.
std::string frame(const Trial& trial, std::string_view swept, Phase phase) {
  const Workload& w = trial.spec.workload;
  // Decode is measured at depth_tokens, whatever prompt came before it.
  std::string key =
      fmt::format("{}|{}|{}|{}|{}", static_cast<int>(trial.spec.engine), trial.spec.layers,
                  phase == Phase::prefill ? w.prompt_tokens : 0, w.depth_tokens, trial.spec.model);
  for (const Lever& lever : levers()) {
    if (lever.name == swept || (lever.affects != Phase::both && lever.affects != phase)) continue;
    key += "|" + lever.get(trial.spec.config);
  }
  return key;
}

Available<double> number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return Available<double>::not_available("a name");
  return value;
}

bool all_numbers(const Sweep& sweep) {
  return std::all_of(sweep.values.begin(), sweep.values.end(),
                     [](const Value& v) { return static_cast<bool>(number(v.text)); });
}

/// The group of comparable trials with most values of the lever; on a tie, the one that holds the answer.
Sweep widest_sweep(const Report& report, std::string_view lever_name, const char* metric, Phase phase) {
  std::map<std::string, Sweep> groups;
  const Lever& swept = lever(lever_name);
  for (const Trial& trial : report.trials) {
    const Measurement* measured = trial.find(metric);
    if ((trial.status != Status::ok && trial.status != Status::noisy) || measured == nullptr ||
        measured->median <= 0)
      continue;
    Sweep& sweep = groups[frame(trial, lever_name, phase)];
    if (sweep.values.empty()) {
      sweep.lever = lever_name;
      sweep.base = trial.spec.config;
      sweep.engine = trial.spec.engine;
    }
    if (report.lossless && report.lossless->engine == trial.spec.engine &&
        report.lossless->config == trial.spec.config)
      sweep.has_answer = true;
    const std::string text = swept.get(trial.spec.config);
    auto value = std::find_if(sweep.values.begin(), sweep.values.end(),
                              [&](const Value& v) { return v.text == text; });
    if (value == sweep.values.end()) value = sweep.values.insert(value, Value{text, {}, false});
    value->samples.insert(value->samples.end(), measured->samples.begin(), measured->samples.end());
    if (measured->samples.empty()) value->samples.push_back(measured->median);
    value->doubtful = value->doubtful || trial.status == Status::noisy;
  }
  Sweep best;
  for (auto& [key, sweep] : groups)
    if (sweep.values.size() > best.values.size() ||
        (sweep.values.size() == best.values.size() && sweep.has_answer && !best.has_answer))
      best = std::move(sweep);
  if (all_numbers(best))
    std::sort(best.values.begin(), best.values.end(),
              [](const Value& a, const Value& b) { return *number(a.text) < *number(b.text); });
  return best;
}

/// Decode speed at which the read bandwidth of each thread count is used up.
ChartSeries memory_ceiling(const Report& report, const Sweep& sweep, const ChartPanel& panel) {
  ChartSeries wall{.name = "", .style = SeriesStyle::ceiling, .colour = 1, .points = {}};
  for (std::size_t i = 0; i < sweep.values.size(); ++i) {
    Config config = sweep.base;
    lever(sweep.lever).set(config, sweep.values[i].text);
    const Wall at = decode_wall(report.model, config, report.workload, report.profile, 1.0);
    if (at.limit_bytes_per_s <= 0 || at.bytes_per_s <= 0) return wall;
    const double x = panel.x.names.empty() ? *number(sweep.values[i].text) : static_cast<double>(i);
    // decode_wall() says what 1 token/s moves, so the limit over it is the ceiling in tokens/s.
    wall.points.push_back(
        {.x = x, .y = at.limit_bytes_per_s / at.bytes_per_s, .low = 0, .high = 0, .label = ""});
  }
  wall.name = report.profile.read_saturated ? "memory wall" : "per-core memory parallelism";
  return wall;
}

ChartPanel panel_of(const Report& report, const Sweep& sweep, std::string_view title, int colour) {
  const Lever& swept = lever(sweep.lever);
  ChartPanel panel;
  panel.title = title;
  std::string name(swept.name);
  std::replace(name.begin(), name.end(), '_', ' ');
  panel.x.title = name;
  panel.y = {.title = "tokens/s", .quantity = Quantity::tokens_per_s, .names = {}};
  if (!all_numbers(sweep))
    for (const Value& value : sweep.values) panel.x.names.push_back(one_line(value.text));
  ChartSeries series{
      .name = std::string(title), .style = SeriesStyle::points, .colour = colour, .points = {}};
  for (std::size_t i = 0; i < sweep.values.size(); ++i) {
    const Measurement m = summarise("speed", "tokens/s", sweep.values[i].samples);
    const double x = panel.x.names.empty() ? *number(sweep.values[i].text) : static_cast<double>(i);
    series.points.push_back({.x = x,
                             .y = m.median,
                             .low = m.low,
                             .high = m.high,
                             .label = rate_text(m.median),
                             .doubtful = sweep.values[i].doubtful});
  }
  if (swept.affects != Phase::prefill && title == "decode") {
    ChartSeries wall = memory_ceiling(report, sweep, panel);
    if (!wall.points.empty()) panel.series.push_back(std::move(wall));
  }
  panel.series.push_back(std::move(series));
  return panel;
}

/// "8 threads": the fastest value; empty if the next one's interval reaches into its interval.
std::string best_value(const ChartPanel& panel, const Sweep& sweep) {
  const std::vector<ChartPoint>& points = panel.series.back().points;
  const auto best = std::max_element(points.begin(), points.end(),
                                     [](const ChartPoint& a, const ChartPoint& b) { return a.y < b.y; });
  for (const ChartPoint& point : points)
    if (point.x != best->x && point.high >= best->low) return "";
  const std::string value = one_line(sweep.values[static_cast<std::size_t>(best - points.begin())].text);
  const std::string_view unit = lever(sweep.lever).unit;
  return unit.empty() ? panel.x.title + " " + value : fmt::format("{} {}", value, unit);
}

/// "Decode is fastest with 8 threads, prefill with 16 threads".
std::string finding(const std::vector<ChartPanel>& panels, const std::vector<const Sweep*>& sweeps) {
  std::vector<std::string> best;
  for (std::size_t i = 0; i < panels.size(); ++i) best.push_back(best_value(panels[i], *sweeps[i]));
  std::string text;
  if (best.size() == 2 && best[0] == best[1]) {
    text = best[0].empty() ? "decode and prefill have no clear best"
                           : "decode and prefill are fastest with " + best[0];
  } else {
    for (std::size_t i = 0; i < panels.size(); ++i)
      text += (text.empty() ? "" : ", ") + panels[i].title +
              (best[i].empty() ? " has no clear best" : " is fastest with " + best[i]);
  }
  text[0] = text[0] == 'd' ? 'D' : 'P';
  return text;
}

}  // namespace

Available<Chart> sweep_chart(const Report& report, std::string_view decode_lever,
                             std::string_view prefill_lever) {
  const Sweep decode = widest_sweep(report, decode_lever, kDecode, Phase::decode);
  const Sweep prefill = widest_sweep(report, prefill_lever, kPrefill, Phase::prefill);
  Chart chart;
  std::vector<const Sweep*> shown;
  const auto add = [&](const Sweep& sweep, std::string_view title, int colour) {
    if (sweep.values.size() < 2) return;
    chart.panels.push_back(panel_of(report, sweep, title, colour));
    shown.push_back(&sweep);
  };
  add(decode, "decode", 0);
  add(prefill, "prefill", 2);
  if (chart.panels.empty())
    return Available<Chart>::not_available("no lever was tried with two values, all else equal");
  chart.title = finding(chart.panels, shown);
  chart.subtitle = fmt::format("{} · {} · {}", one_line(report.model.id), cpu_text(report.machine),
                               display_name(shown.front()->engine));
  chart.notes = {
      "Median and its 95 % interval, which may be narrower than the mark; all other levers equal. Hollow: "
      "measured in noise."};
  bool has_wall = false;
  for (const ChartPanel& panel : chart.panels) has_wall = has_wall || panel.series.size() > 1;
  if (has_wall)
    chart.notes.push_back(
        "Dashed: read bandwidth measured with that many threads, divided by the bytes of a token.");
  return chart;
}

Available<Chart> lever_effect_chart(const Report& report) {
  Available<Chart> threads = sweep_chart(report, "decode_threads", "prefill_threads");
  if (threads) return threads;
  Available<Chart> widest = std::move(threads);
  std::size_t most = 0;
  for (const Lever& lever : levers()) {
    Available<Chart> chart = sweep_chart(report, lever.name, lever.name);
    std::size_t marks = 0;
    if (chart)
      for (const ChartPanel& panel : chart->panels) marks += panel.series.back().points.size();
    if (marks <= most) continue;
    most = marks;
    widest = std::move(chart);
  }
  return widest;
}

}  // namespace oldiron::reports
