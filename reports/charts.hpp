// The charts that a Report becomes, listed in charts.def, and those that need less than a Report.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/check.hpp"
#include "reports/chart.hpp"
#include "reports/report.hpp"

namespace oldiron::reports {

#define REPORT_CHART(function, file, purpose) Available<Chart> function##_chart(const Report& report);
#include "reports/charts.def"
#undef REPORT_CHART

struct ReportChart {
  std::string_view name, file_name, purpose;
  Available<Chart> (*draw)(const Report& report);
};

std::span<const ReportChart> report_charts();

/// Bytes in the file and read per token by role.
Chart model_bytes_chart(const ModelSpec& model, int n_experts, std::int64_t context, KvType kv_type);

/// Decode and prefill over one lever each, from trials that differ in nothing else that can change that
/// speed; not available if fewer than two values were tried.
Available<Chart> sweep_chart(const Report& report, std::string_view decode_lever,
                             std::string_view prefill_lever);

}  // namespace oldiron::reports
