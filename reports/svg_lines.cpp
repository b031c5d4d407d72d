#include <algorithm>
#include <cmath>

#include "reports/layout.hpp"
#include "reports/svg_panels.hpp"
#include "reports/svg_plot.hpp"

namespace oldiron::reports {
namespace {

constexpr double kHeight = 270, kTickSize = 11;
constexpr int kLogTicks = 10;
// The last number stands around the end of its axis.
constexpr double kEndInset = 14;
constexpr std::string_view kGrid = "#e8e8e8", kFrame = "#888888", kMarkLine = "#b0b0b0";

bool is_joined(const ChartPanel& panel, const ChartSeries& series) {
  return series.style != SeriesStyle::points || panel.x.names.empty();
}

std::vector<double> x_values(const ChartPanel& panel) {
  std::vector<double> values;
  for (const ChartSeries& series : panel.series)
    for (const ChartPoint& point : series.points) values.push_back(point.x);
  return values;
}

std::vector<double> y_values(const ChartPanel& panel) {
  std::vector<double> values;
  for (const ChartSeries& series : panel.series) {
    if (series.style == SeriesStyle::mark) continue;
    for (const ChartPoint& point : series.points) {
      values.insert(values.end(), {point.y, point.high});
      if (point.low > 0) values.push_back(point.low);
    }
  }
  return values;
}

AxisScale y_scale(const ChartAxis& axis, std::vector<double> values, double bottom, double top) {
  if (axis.scale == Scale::logarithmic)
    return AxisScale::logarithmic(std::move(values), bottom, top, kLogTicks,
                                  axis.quantity == Quantity::binary_bytes);
  return AxisScale::linear(std::move(values), bottom, top, 5);
}

AxisScale x_scale(const ChartAxis& axis, std::vector<double> values, double left, double right) {
  switch (axis.scale) {
    case Scale::linear:
      return AxisScale::linear(std::move(values), left, right - kEndInset, 8);
    case Scale::logarithmic:
      return AxisScale::logarithmic(std::move(values), left, right, kLogTicks,
                                    axis.quantity == Quantity::binary_bytes);
    case Scale::automatic:
      break;
  }
  return AxisScale::at_values(std::move(values), left, right, axis.names.empty());
}

/// Names of the series of points, with how they are drawn; the height that it took.
double draw_legend(Canvas& canvas, const ChartPanel& panel, double x, double y, double width) {
  constexpr double kSize = 11.5, kSample = 22, kLine = 17;
  const auto is_named = [](const ChartSeries& s) {
    return s.style == SeriesStyle::points && !s.points.empty();
  };
  if (std::count_if(panel.series.begin(), panel.series.end(), is_named) < 2) return 0;
  double at = x, height = kLine;
  for (const ChartSeries& series : panel.series) {
    if (!is_named(series)) continue;
    const double needs = kSample + 6 + text_width(series.name, kSize);
    if (at > x && at + needs > x + width) {
      at = x;
      height += kLine;
    }
    const double line_y = y + height - kLine;
    const PixelPath sample = {{at, line_y - 4}, {at + kSample, line_y - 4}};
    if (series.dashed)
      canvas.dashed(sample, palette(series.colour), 2);
    else
      canvas.polyline(sample, palette(series.colour), 2);
    canvas.circle(at + kSample / 2, line_y - 4, 3.5, palette(series.colour), palette(series.colour));
    canvas.text(at + kSample + 6, line_y, one_line(series.name), {.size = kSize, .colour = "#444444"});
    at += needs + 18;
  }
  return height + 4;
}

void draw_axes(const Plot& plot) {
  Canvas& canvas = plot.canvas;
  const ChartPanel& panel = plot.panel;
  for (const double tick : plot.y.ticks()) {
    canvas.line(plot.left, plot.y.at(tick), plot.right, plot.y.at(tick), tick == 0 ? kFrame : kGrid);
    canvas.text(plot.left - 8, plot.y.at(tick) + 4, tick_text(panel.y.quantity, tick),
                {.size = kTickSize, .colour = "#666666", .anchor = Anchor::end});
  }
  if (plot.y.is_logarithmic()) canvas.line(plot.left, plot.bottom, plot.right, plot.bottom, kFrame);
  for (const double value : plot.x.ticks()) {
    const std::string name = panel.x.names.empty()
                                 ? tick_text(panel.x.quantity, value)
                                 : fit(one_line(panel.x.names[static_cast<std::size_t>(value)]), 14);
    const TextStyle style{.size = kTickSize, .colour = "#666666", .anchor = Anchor::middle};
    canvas.line(plot.x.at(value), plot.bottom, plot.x.at(value), plot.bottom + 4, kFrame);
    if (canvas.is_free(text_box(plot.x.at(value), plot.bottom + 17, name, style)))
      canvas.text(plot.x.at(value), plot.bottom + 17, name, style);
  }
  canvas.text((plot.left + plot.right) / 2, plot.bottom + 37,
              one_line(panel.x.title) + (plot.x.is_logarithmic() ? " (log scale)" : ""),
              {.size = 11.5, .colour = "#444444", .anchor = Anchor::middle});
}

void draw_points(const Plot& plot, const ChartSeries& series) {
  Canvas& canvas = plot.canvas;
  for (const ChartPoint& point : series.points) {
    const double px = plot.x.at(point.x), py = plot.y.at(point.y);
    if (point.high > point.low) {
      const double low = plot.y.at(point.low), high = plot.y.at(point.high);
      canvas.line(px, low, px, high, palette(series.colour), 1.4);
      for (const double end : {low, high}) canvas.line(px - 5, end, px + 5, end, palette(series.colour), 1.4);
      canvas.occupy({px - 5, high, 10, low - high});
    }
    canvas.circle(px, py, 3.5, point.doubtful ? "#ffffff" : palette(series.colour), palette(series.colour));
    canvas.occupy({px - 5, py - 5, 10, 10});
  }
}

}  // namespace

void draw_marks(const Plot& plot) {
  Canvas& canvas = plot.canvas;
  for (const ChartSeries& series : plot.panel.series) {
    if (series.style == SeriesStyle::mark) {
      for (const ChartPoint& point : series.points) {
        const double x = plot.x.at(point.x);
        canvas.dashed({{x, plot.top}, {x, plot.bottom}}, kMarkLine, 1);
        canvas.occupy_line(x, plot.top, x, plot.bottom);
      }
      continue;
    }
    PixelPath path = plot.path(series);
    // A ceiling that is the same everywhere is drawn to the edges; one that is not says nothing beyond its
    // points.
    const bool level =
        std::all_of(path.begin(), path.end(), [&](const auto& p) { return p.second == path.front().second; });
    if (series.style == SeriesStyle::ceiling && level && !path.empty()) {
      path.insert(path.begin(), {plot.left, path.front().second});
      path.emplace_back(plot.right, path.back().second);
    }
    const bool joined = is_joined(plot.panel, series);
    for (std::size_t i = 1; joined && i < path.size(); ++i)
      canvas.occupy_line(path[i - 1].first, path[i - 1].second, path[i].first, path[i].second);
    if (series.style == SeriesStyle::ceiling)
      canvas.dashed(path, palette(series.colour), 1.6);
    else if (series.dashed)
      canvas.dashed(path, palette(series.colour), 2);
    else if (joined)
      canvas.polyline(path, palette(series.colour), 2);
    if (series.style == SeriesStyle::points) draw_points(plot, series);
  }
}

double draw_lines(Canvas& canvas, const ChartPanel& panel, double x, double y, double width) {
  const double top = y;
  canvas.text(x, y, one_line(panel.title),
              {.size = 13.5, .colour = "#1a1a1a", .anchor = Anchor::start, .bold = true});
  canvas.text(x + text_width(panel.title, 13.5, true) + 8, y,
              one_line(panel.y.title) + (panel.y.scale == Scale::logarithmic ? " (log scale)" : ""),
              {.size = 11.5, .colour = "#666666"});
  y += 18;
  y += draw_legend(canvas, panel, x, y, width);
  const double bottom = y + kHeight;
  const AxisScale y_axis = y_scale(panel.y, y_values(panel), bottom, y);
  double tick_width = 0;
  for (const double tick : y_axis.ticks())
    tick_width = std::max(tick_width, text_width(tick_text(panel.y.quantity, tick), kTickSize));
  const double left = x + tick_width + 8, right = x + width;
  const Plot plot{.canvas = canvas,
                  .panel = panel,
                  .x = x_scale(panel.x, x_values(panel), left, right),
                  .y = y_axis,
                  .left = left,
                  .right = right,
                  .top = y,
                  .bottom = bottom,
                  .title_y = top};
  draw_axes(plot);
  // Marks first, so that labels can keep clear of all of them.
  draw_marks(plot);
  draw_labels(plot);
  return bottom + 42 - top;
}

}  // namespace oldiron::reports
