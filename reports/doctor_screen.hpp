// The screen of `oldiron doctor`, as text and as JSON.
#pragma once

#include <string>
#include <vector>

#include "core/finding.hpp"

namespace oldiron::reports {

struct DoctorScreen {
  std::string subject = {};             ///< a process that was examined, in a sentence; empty: the machine
  Diagnosis diagnosis;
  double decode_tokens_per_s = 0;       ///< that measured stakes are shares of; 0: none was measured
  std::vector<std::string> notes = {};  ///< what the measurement must be read with
};

/// In 80 columns, but for commands: those are never broken.
std::string doctor_text(const DoctorScreen& screen);

/// {"subject", "findings": [{"id", "what", "why", "stake": {"basis", "low", "high", "how"}, "where", "fix", "undo", "lasting"}],
/// "fine", "not_checked", "decode_tokens_per_s", "notes"}
std::string doctor_json(const DoctorScreen& screen);

}  // namespace oldiron::reports
