// The charts that a probe becomes, listed in probe_charts.def.
#pragma once

#include <span>
#include <string_view>

#include "core/check.hpp"
#include "reports/chart.hpp"
#include "reports/screens.hpp"

namespace oldiron::reports {

#define PROBE_CHART(function, file, purpose) Available<Chart> function##_chart(const ProbeScreen& screen);
#include "reports/probe_charts.def"
#undef PROBE_CHART

struct ProbeChart {
  std::string_view name, file_name, purpose;
  Available<Chart> (*draw)(const ProbeScreen& screen);
};

std::span<const ProbeChart> probe_charts();

}  // namespace oldiron::reports
