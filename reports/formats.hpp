// The documents that a Report becomes: pure functions from data to text, listed in formats.def.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "reports/report.hpp"

namespace oldiron::reports {

#define REPORT_FORMAT(function, file, purpose) std::string function##_report(const Report& report);
#include "reports/formats.def"
#undef REPORT_FORMAT

struct ReportFormat {
  std::string_view name, file_name, purpose;
  std::string (*write)(const Report& report);
};

std::span<const ReportFormat> report_formats();

}  // namespace oldiron::reports
