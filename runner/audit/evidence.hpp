// Evidence: what a log and /proc of a run say about each flag; an echo of a flag is none.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/audit/audit.hpp"

namespace oldiron {

/// What /proc showed of a run, at its last looks.
struct RunSeen {
  bool looked = false;               ///< false: the run was over before the first look, or /proc shows nothing
  std::int64_t locked_bytes = 0;     ///< the most
  std::int64_t huge_page_bytes = 0;  ///< the most; -1: not readable
  bool model_mapped = false;         ///< at the last look
  bool bound = false;                ///< a thread may run on fewer CPUs than we
  int working_threads = 0;           ///< that did at least a fifth of what the busiest did; 0: too short to tell
};

/// Where `pattern` stands in a line of the log, or "": {} stands for a number, {+} for one above 0, {value} for the flag's own. Runs of
/// blanks count as one. The line without blanks at its ends.
std::string matching_line(std::string_view log, std::string_view pattern, const std::string& value);

/// The row after a run that ended well. `altered`: the flag's value was changed for the run, so that it proves nothing about it.
void weigh(FlagRow& row, std::string_view log, const RunSeen& seen, std::int64_t weight_bytes, bool altered);

/// The flag that a tool which did not start complains about, as it spells it, and its line; empty if the log names none.
struct Complaint {
  std::string flag, line;
};

Complaint complaint_of(std::string_view log);

}  // namespace oldiron
