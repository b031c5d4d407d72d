#include <algorithm>
#include <cmath>

#include "reports/layout.hpp"
#include "reports/svg.hpp"
#include "reports/svg_panels.hpp"

namespace oldiron::reports {
namespace {

constexpr double kHeight = 270, kTickSize = 11, kLabelSize = 11.5;

/// Positions of x in pixels: linear; by powers of two if the values span two doublings or more, as levers do.
class XScale {
 public:
  XScale(const ChartPanel& panel, double left, double right) : left_(left + 26), right_(right - 26) {
    for (const ChartSeries& series : panel.series)
      for (const ChartPoint& point : series.points) values_.push_back(point.x);
    std::sort(values_.begin(), values_.end());
    values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
    if (values_.empty()) values_.push_back(0);
    logarithmic_ = panel.x.names.empty() && values_.front() > 0 && values_.back() >= 4 * values_.front();
  }

  double at(double value) const {
    const double low = scaled(values_.front()), high = scaled(values_.back());
    return high > low ? left_ + (right_ - left_) * (scaled(value) - low) / (high - low)
                      : (left_ + right_) / 2;
  }

  const std::vector<double>& values() const { return values_; }

  bool logarithmic() const { return logarithmic_; }

 private:
  double scaled(double value) const { return logarithmic_ ? std::log2(value) : value; }

  double left_, right_;
  std::vector<double> values_;
  bool logarithmic_ = false;
};

/// Writes `label` at the first candidate that covers nothing; false, and nothing is written, if all do.
bool place(Canvas& canvas, const std::string& label, std::string_view colour, bool bold,
           const std::vector<std::pair<double, double>>& candidates, Anchor anchor) {
  const TextStyle style{.size = kLabelSize, .colour = colour, .anchor = anchor, .bold = bold};
  for (const auto& [x, y] : candidates)
    if (canvas.is_free(text_box(x, y, label, style))) {
      canvas.label(x, y, label, style);
      return true;
    }
  return false;
}

}  // namespace

double draw_lines(Canvas& canvas, const ChartPanel& panel, double x, double y, double width) {
  const double top = y;
  canvas.text(x, y, one_line(panel.title),
              {.size = 13.5, .colour = "#1a1a1a", .anchor = Anchor::start, .bold = true});
  canvas.text(x + text_width(panel.title, 13.5, true) + 8, y, one_line(panel.y.title),
              {.size = 11.5, .colour = "#666666"});
  y += 18;
  double most = 0;
  for (const ChartSeries& series : panel.series)
    for (const ChartPoint& point : series.points) most = std::max({most, point.y, point.high});
  const std::vector<double> ticks = round_ticks(most * 1.04, 5);
  double tick_width = 0;
  for (const double tick : ticks)
    tick_width = std::max(tick_width, text_width(tick_text(panel.y.quantity, tick), kTickSize));
  const double left_edge = x + tick_width + 8, right_edge = x + width, bottom = y + kHeight;
  const auto y_of = [&](double value) { return bottom - kHeight * value / ticks.back(); };
  for (const double tick : ticks) {
    canvas.line(left_edge, y_of(tick), right_edge, y_of(tick), tick == 0 ? "#888888" : "#e8e8e8");
    canvas.text(left_edge - 8, y_of(tick) + 4, tick_text(panel.y.quantity, tick),
                {.size = kTickSize, .colour = "#666666", .anchor = Anchor::end});
  }
  const XScale scale(panel, left_edge, right_edge);
  for (const double value : scale.values()) {
    const std::string name = panel.x.names.empty()
                                 ? tick_text(Quantity::count, value)
                                 : fit(one_line(panel.x.names[static_cast<std::size_t>(value)]), 14);
    const TextStyle style{.size = kTickSize, .colour = "#666666", .anchor = Anchor::middle};
    canvas.line(scale.at(value), bottom, scale.at(value), bottom + 4, "#888888");
    if (canvas.is_free(text_box(scale.at(value), bottom + 17, name, style)))
      canvas.text(scale.at(value), bottom + 17, name, style);
  }
  canvas.text((left_edge + right_edge) / 2, bottom + 37,
              one_line(panel.x.title) + (scale.logarithmic() ? " (log scale)" : ""),
              {.size = 11.5, .colour = "#444444", .anchor = Anchor::middle});

  // Marks first, so that labels can keep clear of all of them.
  for (const ChartSeries& series : panel.series) {
    std::vector<std::pair<double, double>> path;
    for (const ChartPoint& point : series.points) path.emplace_back(scale.at(point.x), y_of(point.y));
    // A ceiling that is the same everywhere is drawn to the edges; one that is not says nothing beyond its
    // points.
    const bool level =
        std::all_of(path.begin(), path.end(), [&](const auto& p) { return p.second == path.front().second; });
    if (series.style == SeriesStyle::ceiling && level && !path.empty()) {
      path.insert(path.begin(), {left_edge, path.front().second});
      path.emplace_back(right_edge, path.back().second);
    }
    const bool joined = series.style == SeriesStyle::ceiling || panel.x.names.empty();
    for (std::size_t i = 1; joined && i < path.size(); ++i)
      canvas.occupy_line(path[i - 1].first, path[i - 1].second, path[i].first, path[i].second);
    if (series.style == SeriesStyle::ceiling) {
      canvas.dashed(path, palette(series.colour), 1.6);
      continue;
    }
    if (joined) canvas.polyline(path, palette(series.colour), 2);
    for (const ChartPoint& point : series.points) {
      const double px = scale.at(point.x);
      if (point.high > point.low) {
        canvas.line(px, y_of(point.low), px, y_of(point.high), palette(series.colour), 1.4);
        for (const double end : {point.low, point.high})
          canvas.line(px - 5, y_of(end), px + 5, y_of(end), palette(series.colour), 1.4);
        canvas.occupy({px - 5, y_of(point.high), 10, y_of(point.low) - y_of(point.high)});
      }
      canvas.circle(px, y_of(point.y), 3.5, point.doubtful ? "#ffffff" : palette(series.colour),
                    palette(series.colour));
      canvas.occupy({px - 5, y_of(point.y) - 5, 10, 10});
    }
  }
  for (const ChartSeries& series : panel.series) {
    if (series.style == SeriesStyle::ceiling && !series.points.empty()) {
      const double left_y = y_of(series.points.front().y), right_y = y_of(series.points.back().y);
      const double start = left_edge + 6 + text_width(series.name, kLabelSize, true);
      // The last candidate is beside the panel's title, where nothing else is written.
      place(canvas, one_line(series.name), palette(series.colour), true,
            {{right_edge - 4, right_y - 7},
             {start, left_y - 7},
             {right_edge - 4, right_y + 15},
             {start, left_y + 15},
             {right_edge, top}},
            Anchor::end);
      continue;
    }
    for (const ChartPoint& point : series.points) {
      const double px = scale.at(point.x), high = std::min(y_of(point.high), y_of(point.y)) - 8;
      const double low = std::max(y_of(point.low > 0 ? point.low : point.y), y_of(point.y)) + 16;
      const double half = text_width(point.label, kLabelSize) / 2 + 9;
      place(canvas, point.label, palette(series.colour), false,
            {{px, high},
             {px, low},
             {px - half, high},
             {px + half, low},
             {px + half, high},
             {px - half, low},
             {px + half, y_of(point.y) + 4},
             {px - half, y_of(point.y) + 4}},
            Anchor::middle);
    }
  }
  return bottom + 42 - top;
}

}  // namespace oldiron::reports
