// Rewriting: the line as it can be run here for a minute, every change told.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/audit/audit.hpp"
#include "runner/process.hpp"

namespace oldiron {

inline constexpr int kGeneratedTokens = 32;

/// The work of a run: short where evidence is looked for, longer where speeds are compared.
struct RunWork {
  int prompt_repeats = 1;  ///< of our prompt
  int prompt_tokens = 64;  ///< of llama-bench
  int generate_tokens = kGeneratedTokens;
  bool whole_length = false;  ///< an end of the text is no end
  bool evidence = true;       ///< logs more than by default
};

/// What the run offers in place of what the line says.
struct RunPlace {
  std::string program;                   ///< the engine's own tool
  std::string model;                     ///< a file that is here
  std::int64_t usable_memory_bytes = 0;  ///< 0: not known
  const ModelSpec* spec = nullptr;       ///< of that model; nullptr: not known
  int port = 0;                          ///< of a server
  std::string api_key = {};              ///< of a server
  std::int64_t context = 0;              ///< 0: the line's, cut to what fits
  RunWork work = {};
};

struct RunLine {
  Command command;
  std::vector<std::string> front = {};      ///< what is done to it, in the words of the line: "taskset", "-c", "0"
  std::vector<std::string> rewrites;        ///< sentences
  std::vector<const FlagRow*> altered = {};  ///< rows whose value is not the line's
  std::vector<std::size_t> rows = {};       ///< that stand in the command, the altered too
  int port = 0;                             ///< of a server
  std::string api_key = {};                 ///< of a server
  std::string prompt = {};                  ///< that a server is asked with
  RunWork work = {};
  std::int64_t context = 0;  ///< tokens; 0: of llama-bench
};

/// True if a run of this tool is known how to do.
bool can_be_run(std::string_view tool);

/// The rows that `left_out` does not hold, with a short workload. Needs: can_be_run(audit.line.tool).
RunLine rewrite(const Audit& audit, const RunPlace& place, const std::vector<std::size_t>& left_out);

}  // namespace oldiron
