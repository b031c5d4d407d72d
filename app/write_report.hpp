// Writing a report's files into a folder.
#pragma once

#include <string>

#include "reports/report.hpp"

namespace oldiron {

/// Writes every format and chart (SVG; PNG too if rsvg-convert is there) and returns the text for the terminal.
std::string write_report(reports::Report report, const std::string& dir);

}  // namespace oldiron
