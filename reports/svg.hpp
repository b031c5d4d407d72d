// Chart -> SVG text: the same drawing for a page, a file and, rendered, a picture.
#pragma once

#include <string>
#include <vector>

#include "reports/chart.hpp"

namespace oldiron::reports {

/// A complete SVG file, light background, nothing to load from elsewhere.
std::string svg(const Chart& chart);

/// 0, step, 2 step, … up to the first tick >= high; step is 1, 2, 2.5 or 5 times a power of ten, at most
/// `count` steps.
std::vector<double> round_ticks(double high, int count);

}  // namespace oldiron::reports
