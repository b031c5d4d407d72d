// One plot of draw_lines() while it is drawn: its axes in pixels, the marks on them, and the words at the
// marks.
#pragma once

#include <utility>
#include <vector>

#include "reports/chart.hpp"
#include "reports/svg_canvas.hpp"
#include "reports/svg_scale.hpp"

namespace oldiron::reports {

using PixelPath = std::vector<std::pair<double, double>>;

struct Plot {
  Canvas& canvas;
  const ChartPanel& panel;
  AxisScale x, y;
  double left = 0, right = 0, top = 0, bottom = 0;  ///< pixels of the frame
  double title_y = 0;                               ///< baseline of the panel's title

  PixelPath path(const ChartSeries& series) const {
    PixelPath points;
    for (const ChartPoint& point : series.points) points.emplace_back(x.at(point.x), y.at(point.y));
    return points;
  }
};

/// Lines, intervals and markers of all series; their places are kept free of text.
void draw_marks(const Plot& plot);

/// What ceilings, lines, marks and points are called, where nothing else is written or drawn. A word that
/// finds no place is left out.
void draw_labels(const Plot& plot);

}  // namespace oldiron::reports
