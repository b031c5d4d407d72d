// Evidence: what a log and /proc of a run say about each flag; an echo of a flag is none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/audit/audit.hpp"
#include "runner/audit/run_log.hpp"

namespace oldiron {

/// What a run showed: /proc at its last looks, and the figures of its log.
struct RunSeen {
  bool looked = false;               ///< false: the run was over before the first look, or /proc shows nothing
  std::int64_t locked_bytes = 0;     ///< the most
  std::int64_t huge_page_bytes = 0;  ///< the most; -1: not readable
  bool model_mapped = false;         ///< at the last look
  bool bound = false;                ///< a thread may run on fewer CPUs than we
  int working_threads = 0;           ///< that did at least a fifth of what the busiest did; 0: too short to tell
  std::vector<std::int64_t> node_bytes = {};  ///< of each NUMA node, at the last look
  std::string memory_policy = {};             ///< of most of its memory, at the last look: "interleave:0-1"
  int nice = 0;                               ///< above ours, at the last look
  GraphSize graph = {};
  WorkTimes times = {};
};

/// Where `pattern` stands in a line of the log, or "": {} stands for a number, {+} for one above 0, {value} for the flag's own. Runs of
/// blanks count as one. The line without blanks at its ends.
std::string matching_line(std::string_view log, std::string_view pattern, const std::string& value);

/// What a row can be weighed by.
struct RunProof {
  std::string_view log = "";
  RunSeen seen = {};
  std::optional<RunSeen> without = {};  ///< of the same line without this flag
  std::int64_t weight_bytes = 0;        ///< 0: not known
};

/// The row after a run that ended well. `altered`: the flag's value was changed for the run, so that it proves nothing about it.
void weigh(FlagRow& row, const RunProof& proof, bool altered);

/// Whether only a run without the flag can show what it did; such a run is compared.
bool wants_comparison(const FlagRow& row);

/// Whether both runs are alike in all that such a comparison looks at.
bool look_alike(const RunSeen& one, const RunSeen& other);

/// The flag that a tool which did not start complains about, as it spells it, and its line; empty if the log names none.
struct Complaint {
  std::string flag, line;
};

Complaint complaint_of(std::string_view log);

}  // namespace oldiron
