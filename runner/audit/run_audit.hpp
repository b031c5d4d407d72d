// Running a pasted line on a short workload: what the engine refuses is taken out, the rest is judged by evidence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/audit/audit.hpp"
#include "runner/audit/rewrite.hpp"
#include "runner/audit/run_log.hpp"

namespace oldiron {

/// A tool of an engine that runs here.
struct AuditTool {
  std::string program;
  Engine engine = Engine::llama_cpp;
  std::string version = {};  ///< "ik_llama.cpp 4840 (8337e4cd3)"
  int build = 0;             ///< 0: it does not tell
};

/// Looks in `dir`, dir/bin and dir/build/bin. Throws Error if the tool is not there, does not start, or is of neither engine.
AuditTool find_tool(const std::string& dir, const std::string& tool, const std::string& guard_program = "/proc/self/exe");

struct AuditRun {
  std::string model = {};                ///< a file that is here
  std::int64_t usable_memory_bytes = 0;  ///< 0: not known
  const ModelSpec* spec = nullptr;       ///< of the model; nullptr: not known
  double timeout_s = 300;                ///< of each start of the tool
  std::string guard_program = "/proc/self/exe";
};

/// The run that the verdicts rest on.
struct AuditRan {
  bool worked = false;
  std::vector<std::size_t> rows = {};      ///< of Audit::rows, that stood in the command
  std::vector<std::size_t> left_out = {};  ///< that were taken out, since it did not start with them
  std::int64_t context = 0;                ///< tokens; 0: of llama-bench
  double wall_s = 0;
  WorkTimes times = {};
};

/// Fills verdicts, evidence, rewrites, ran and run_end. Every end of the tool is a result. Flags that only a comparison can judge cost
/// a start of bare defaults, and one each without them if that differs. Throws Interrupted.
AuditRan run_audit(Audit& audit, const AuditTool& tool, const AuditRun& run);

/// The line as it is started here, with a port and a key of its own; `context`: 0 for the line's.
RunLine audit_line(const Audit& audit, const AuditTool& tool, const AuditRun& run, const std::vector<std::size_t>& left_out, const RunWork& work = {},
                   std::int64_t context = 0);

}  // namespace oldiron
