// Chart -> SVG text: the same drawing for a page, a file and, rendered, a picture.
#pragma once

#include <string>

#include "reports/chart.hpp"

namespace oldiron::reports {

/// A complete SVG file, light background, nothing to load from elsewhere.
std::string svg(const Chart& chart);

}  // namespace oldiron::reports
