// One start of a rewritten line: run under a guard, watched through /proc, a server asked for tokens.
#pragma once

#include <string>

#include "runner/audit/evidence.hpp"
#include "runner/audit/rewrite.hpp"
#include "runner/guarded_child.hpp"

namespace oldiron {

/// How a line is started.
struct StartOptions {
  std::string model = {};  ///< whose mapping is looked for
  double timeout_s = 300;
  std::string guard_program = "/proc/self/exe";
  bool watch = true;  ///< looks at /proc, which costs the tool a little of its time
};

/// What one start of the tool left behind.
struct LineStart {
  CommandResult result;
  RunSeen seen;
  double wall_s = 0;
  bool worked = false;
  bool no_tokens = false;  ///< a server that loaded, and gave no tokens
  std::string end = {};    ///< how it failed; empty if it worked

  std::string log() const { return result.err.text() + "\n" + result.out.text(); }
};

/// Runs the line in an empty folder, which is gone afterwards: tools leave logs where they are started. Every end is a result. Throws
/// Interrupted (runner/signals.hpp).
LineStart start_line(const RunLine& line, const std::string& tool, const StartOptions& options);

/// The last line of a log that tells of an error; empty if none does.
std::string last_line_of_error(const std::string& log);

}  // namespace oldiron
