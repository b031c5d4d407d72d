// What an ablation found: text for the audit's screen, the waterfall, and JSON.
#pragma once

#include <string>

#include "core/audit/ablation.hpp"
#include "core/check.hpp"
#include "core/json.hpp"
#include "reports/chart.hpp"

namespace oldiron::reports {

/// A row per step with what it does to decode and prefill, then the waterfall of the decode (of the prefill if no tokens were
/// generated); 80 columns.
std::string ablation_text(const Audit& audit, const Ablation& ablation);

/// From bare defaults to the full line, a panel per speed; not available if no pass ended.
Available<Chart> ablation_chart(const Audit& audit, const Ablation& ablation);

/// {"passes", "starts", "work", "end", "notes", "steps": [{"flags", "together", "decode", "prefill", "speeds"}], "whole"}
Json ablation_json(const Audit& audit, const Ablation& ablation);

}  // namespace oldiron::reports
