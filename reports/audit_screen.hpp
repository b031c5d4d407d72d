// The screen of `oldiron audit`, as text and as JSON.
#pragma once

#include <string>

#include "core/audit/ablation.hpp"
#include "core/audit/audit.hpp"

namespace oldiron::reports {

/// Grouped by verdict, what stops the line first; 80 columns.
std::string audit_text(const Audit& audit, const Ablation* ablation = nullptr);

/// {"tool", "engine", "engine_reason", "build", "version", "flags": [{"flag", "values", "verdict", "does", "why", "evidence"}],
/// "findings", "notes", "rewrites", "ran", "run_end", "ablation": reports/ablation.hpp, if there is one}
std::string audit_json(const Audit& audit, const Ablation* ablation = nullptr);

}  // namespace oldiron::reports
