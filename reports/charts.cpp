#include "reports/charts.hpp"

namespace oldiron::reports {

std::span<const ReportChart> report_charts() {
  static constexpr ReportChart kCharts[] = {
#define REPORT_CHART(function, file, purpose) {#function, file, purpose, function##_chart},
#include "reports/charts.def"
#undef REPORT_CHART
  };
  return kCharts;
}

}  // namespace oldiron::reports
