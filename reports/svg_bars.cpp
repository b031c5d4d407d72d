#include <algorithm>

#include "reports/layout.hpp"
#include "reports/svg_panels.hpp"
#include "reports/svg_scale.hpp"

namespace oldiron::reports {

std::string_view palette(int colour) {
  constexpr std::string_view kColours[] = {"#0072b2", "#d55e00", "#00805f", "#c3ccd4", "#a4527a", "#b07c00", "#e0a183"};
  return kColours[static_cast<std::size_t>(std::clamp(colour, 0, 6))];
}

double draw_bars(Canvas& canvas, const ChartPanel& panel, double x, double y, double width) {
  constexpr double kBar = 13, kBetween = 2, kGroupGap = 13, kSize = 12;
  const double top = y;
  double legend_x = x;
  for (const ChartSeries& series : panel.series) {
    canvas.rect({legend_x, y - 10, 12, 12}, palette(series.colour), 2);
    canvas.text(legend_x + 18, y, one_line(series.name), {.size = kSize});
    legend_x += 18 + text_width(series.name, kSize) + 24;
  }
  y += 18;

  double names_width = 0, labels_width = 0, most = 0;
  for (const std::string& name : panel.x.names)
    names_width = std::max(names_width, text_width(fit(one_line(name), 28), kSize));
  for (const ChartSeries& series : panel.series)
    for (const ChartPoint& point : series.points) {
      most = std::max(most, point.y);
      // Only a bar near the full length pushes its label to the edge; half of the scale is room enough for
      // the others.
      labels_width = std::max(labels_width, text_width(point.label, 11));
    }
  const double left_edge = x + names_width + 12;
  const double length = std::max(120.0, x + width - labels_width - 10 - left_edge);
  const std::vector<double> ticks = round_ticks(most, 6);
  const auto end_of = [&](double value) { return left_edge + length * value / most; };
  const bool spans = !panel.series.empty() && panel.series.front().style == SeriesStyle::span;
  const double group = (spans ? 1 : static_cast<double>(panel.series.size())) * (kBar + kBetween) + kGroupGap;
  const double bottom = y + static_cast<double>(panel.x.names.size()) * group;
  for (const double tick : ticks) {
    if (tick > most * 1.0001) break;
    canvas.line(end_of(tick), y - 4, end_of(tick), bottom, tick == 0 ? "#888888" : "#e8e8e8");
    canvas.text(end_of(tick), bottom + 16, tick_text(panel.y.quantity, tick),
                {.size = 11, .colour = "#666666", .anchor = Anchor::middle});
  }
  for (std::size_t i = 0; i < panel.x.names.size(); ++i) {
    const double group_y = y + static_cast<double>(i) * group + kGroupGap / 2;
    const double middle = group_y + (group - kGroupGap) / 2;
    canvas.text(left_edge - 10, middle + 4, fit(one_line(panel.x.names[i]), 28),
                {.size = kSize, .anchor = Anchor::end});
    for (std::size_t s = 0; s < panel.series.size(); ++s)
      for (const ChartPoint& point : panel.series[s].points) {
        if (point.x != static_cast<double>(i)) continue;
        const double bar_y = group_y + (spans ? 0 : static_cast<double>(s)) * (kBar + kBetween);
        const double begin = spans ? end_of(point.low) : left_edge;
        const double bar_length = std::max(spans ? 2.0 : 0.8, end_of(point.y) - begin);
        canvas.rect({begin, bar_y, bar_length, kBar}, palette(panel.series[s].colour), 1.5);
        if (point.doubtful && bar_length > 4) canvas.rect({begin + 1.5, bar_y + 1.5, bar_length - 3, kBar - 3}, "#ffffff");
        canvas.label(begin + bar_length + 6, bar_y + kBar - 2.5, point.label,
                     {.size = 11, .colour = "#444444"});
      }
  }
  return bottom + 22 - top;
}

}  // namespace oldiron::reports
