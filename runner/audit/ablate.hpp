// Measuring an ablation: the lines of its steps, there and back, one start of the tool each.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/audit/ablation.hpp"
#include "runner/audit/run_audit.hpp"

namespace oldiron {

/// What is to be told before it begins, a line each: starts, loads, expected time, what a start does.
using TellPlan = std::function<void(const std::vector<std::string>& lines)>;

/// Runs the steps of plan_ablation() in `passes` passes, every second one backwards, so that neighbours make pairs A B B A. A step that
/// does not run without the next one's flags is joined with it, and that is noted. Keeps what there is when it is interrupted, or when
/// the whole line fails, and says so in Ablation::end. Needs: ran.worked.
Ablation ablate(const Audit& audit, const AuditTool& tool, const AuditRun& run, const AuditRan& ran, int passes, const TellPlan& tell);

}  // namespace oldiron
