// The two kinds of plot; each draws at (x, y) with a width, and says how high it became.
#pragma once

#include <string>
#include <string_view>

#include "reports/chart.hpp"
#include "reports/svg_canvas.hpp"

namespace oldiron::reports {

/// Okabe and Ito's palette, told apart by all kinds of colour sight: blue, vermilion, green, a light grey
/// for context, purple, a dark orange, and a pale vermilion for what could be.
std::string_view palette(int colour);

/// Lying bars, one group per name of x, all from zero, or spans; labels at their ends, a legend above.
double draw_bars(Canvas& canvas, const ChartPanel& panel, double x, double y, double width);

/// Markers with intervals and lines over x; y from zero.
double draw_lines(Canvas& canvas, const ChartPanel& panel, double x, double y, double width);

}  // namespace oldiron::reports
