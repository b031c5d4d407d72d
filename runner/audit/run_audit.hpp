// Running a pasted line on a short workload: what the engine refuses is taken out, the rest is judged by evidence.
#pragma once

#include <string>

#include "core/audit/audit.hpp"

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

/// "version: 4840 (8337e4cd3)" and "version: 0.2.0-dev (build 10587, commit 3f545becc)", wherever they stand; 0 if neither does.
int build_of_version(std::string_view text, std::string& commit);

struct AuditRun {
  std::string model = {};                ///< a file that is here
  std::int64_t usable_memory_bytes = 0;  ///< 0: not known
  const ModelSpec* spec = nullptr;       ///< of the model; nullptr: not known
  double timeout_s = 300;                ///< of each start of the tool
  std::string guard_program = "/proc/self/exe";
};

/// Fills verdicts, evidence, rewrites, ran and run_end. Every end of the tool is a result. Throws Interrupted.
void run_audit(Audit& audit, const AuditTool& tool, const AuditRun& run);

}  // namespace oldiron
