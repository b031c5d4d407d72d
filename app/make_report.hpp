// From what the tunes found to what the reports show.
#pragma once

#include <vector>

#include "app/engine_tune.hpp"
#include "reports/report.hpp"

namespace oldiron {

/// `tunes`: one per engine that was tuned; the fastest lossless answer is the report's.
reports::Report make_report(const TuneRecord& record, const std::vector<EngineTune>& tunes, const std::string& out_dir);

}  // namespace oldiron
