// Findings: what is wrong with a line as a whole, and what it leaves out.
#pragma once

#include <string>
#include <vector>

#include "core/audit/audit.hpp"

namespace oldiron {

/// Sentences, the most important first. Needs: audit.rows.
std::vector<std::string> line_findings(const Audit& audit, const AuditSurroundings& surroundings);

/// The last row of a flag that the tool takes, by any of its spellings; nullptr if the line has none.
const FlagRow* row_of(const Audit& audit, std::string_view spelling);

}  // namespace oldiron
