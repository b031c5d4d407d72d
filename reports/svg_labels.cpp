// Words beside marks: each at the first place where it covers nothing.
#include <algorithm>

#include "reports/layout.hpp"
#include "reports/svg_panels.hpp"
#include "reports/svg_plot.hpp"

namespace oldiron::reports {
namespace {

constexpr double kLabelSize = 11.5;
constexpr std::string_view kMarkColour = "#666666";

struct Spot {
  double x = 0, y = 0;
  Anchor anchor = Anchor::middle;
};

// Words may stand over the frame so far as the gap between two panels and the margin of the page allow.
constexpr double kOver = 20;

void place(const Plot& plot, const std::string& label, std::string_view colour, bool bold,
           const std::vector<Spot>& spots) {
  if (label.empty()) return;
  for (const Spot& spot : spots) {
    const TextStyle style{.size = kLabelSize, .colour = colour, .anchor = spot.anchor, .bold = bold};
    const Box box = text_box(spot.x, spot.y, label, style);
    if (box.x < plot.left - kOver || box.x + box.width > plot.right + kOver || !plot.canvas.is_free(box))
      continue;
    plot.canvas.label(spot.x, spot.y, label, style);
    return;
  }
}

void label_ceiling(const Plot& plot, const ChartSeries& series) {
  const double left_y = plot.y.at(series.points.front().y), right_y = plot.y.at(series.points.back().y);
  const double start = plot.left + 6 + text_width(series.name, kLabelSize, true);
  // The last place is beside the panel's title, where nothing else is written.
  place(plot, one_line(series.name), palette(series.colour), true,
        {{plot.right - 4, right_y - 7, Anchor::end},
         {start, left_y - 7, Anchor::end},
         {plot.right - 4, right_y + 15, Anchor::end},
         {start, left_y + 15, Anchor::end},
         {plot.right, plot.title_y, Anchor::end}});
}

/// From the right end backwards: above and below a level piece, beside a rising one.
void label_line(const Plot& plot, const ChartSeries& series) {
  const PixelPath path = plot.path(series);
  std::vector<Spot> spots;
  for (std::size_t i = path.size(); i-- > 1;) {
    const auto [x1, y1] = path[i - 1];
    const auto [x2, y2] = path[i];
    const bool level = y1 == y2;
    // A level piece is named at its end, a rising one where it is far from what it meets.
    const std::vector<double> shares = level ? std::vector{0.0, 0.2, 0.35, 0.5, 0.65, 0.8}
                                             : std::vector{0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.1, 0.8};
    for (const double share : shares) {
      const double x = x2 + (x1 - x2) * share, y = y2 + (y1 - y2) * share;
      if (level) {
        spots.push_back({x - 4, y - 6, Anchor::end});
        spots.push_back({x - 4, y + 14, Anchor::end});
      } else {
        spots.push_back({x - 12, y - 6, Anchor::end});
        spots.push_back({x + 12, y + 12, Anchor::start});
      }
    }
  }
  place(plot, one_line(series.name), palette(series.colour), true, spots);
}

void label_marks(const Plot& plot, const ChartSeries& series) {
  for (const ChartPoint& point : series.points) {
    const double x = plot.x.at(point.x);
    std::vector<Spot> spots;
    for (double y = plot.top + 13; y < plot.bottom - 6; y += 8) {
      spots.push_back({x + 5, y, Anchor::start});
      spots.push_back({x - 5, y, Anchor::end});
    }
    place(plot, one_line(point.label), kMarkColour, false, spots);
  }
}

void label_points(const Plot& plot, const ChartSeries& series) {
  for (const ChartPoint& point : series.points) {
    const double px = plot.x.at(point.x), py = plot.y.at(point.y);
    const double high = std::min(plot.y.at(point.high), py) - 8;
    const double low = std::max(plot.y.at(point.low > 0 ? point.low : point.y), py) + 16;
    const double half = text_width(point.label, kLabelSize) / 2 + 9;
    place(plot, point.label, palette(series.colour), false,
          {{px, high},
           {px, low},
           {px - half, high},
           {px + half, low},
           {px + half, high},
           {px - half, low},
           {px + half, py + 4},
           {px - half, py + 4}});
  }
}

}  // namespace

void draw_labels(const Plot& plot) {
  for (const ChartSeries& series : plot.panel.series) {
    if (series.points.empty()) continue;
    switch (series.style) {
      case SeriesStyle::ceiling:
        label_ceiling(plot, series);
        break;
      case SeriesStyle::line:
        label_line(plot, series);
        break;
      case SeriesStyle::mark:
        label_marks(plot, series);
        break;
      case SeriesStyle::points:
        label_points(plot, series);
        break;
      case SeriesStyle::bar:
      case SeriesStyle::span:
        break;
    }
  }
}

}  // namespace oldiron::reports
