// Rewriting: the line as it can be run here for a minute, every change told.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/audit/audit.hpp"
#include "runner/process.hpp"

namespace oldiron {

inline constexpr int kGeneratedTokens = 32;

/// What the run offers in place of what the line says.
struct RunPlace {
  std::string program;                   ///< the engine's own tool
  std::string model;                     ///< a file that is here
  std::int64_t usable_memory_bytes = 0;  ///< 0: not known
  const ModelSpec* spec = nullptr;       ///< of that model; nullptr: not known
  int port = 0;                          ///< of a server
};

struct RunLine {
  Command command;
  std::vector<std::string> rewrites;        ///< sentences
  std::vector<const FlagRow*> altered = {};  ///< rows whose value is not the line's
};

/// True if a run of this tool is known how to do.
bool can_be_run(std::string_view tool);

/// The rows that `left_out` does not hold, with a short workload. Needs: can_be_run(audit.line.tool).
RunLine rewrite(const Audit& audit, const RunPlace& place, const std::vector<std::size_t>& left_out);

}  // namespace oldiron
