#include "reports/formats.hpp"

namespace oldiron::reports {

std::span<const ReportFormat> report_formats() {
  static constexpr ReportFormat kFormats[] = {
#define REPORT_FORMAT(function, file, purpose) {#function, file, purpose, function##_report},
#include "reports/formats.def"
#undef REPORT_FORMAT
  };
  return kFormats;
}

}  // namespace oldiron::reports
