#include "reports/probe_charts.hpp"

namespace oldiron::reports {

std::span<const ProbeChart> probe_charts() {
  static constexpr ProbeChart kCharts[] = {
#define PROBE_CHART(function, file, purpose) {#function, file, purpose, function##_chart},
#include "reports/probe_charts.def"
#undef PROBE_CHART
  };
  return kCharts;
}

}  // namespace oldiron::reports
