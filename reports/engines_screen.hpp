// The screen of `oldiron engines`, as text and as JSON.
#pragma once

#include <string>
#include <vector>

#include "core/engine_build.hpp"

namespace oldiron::reports {

struct EnginesScreen {
  std::string where = {};  ///< a folder; empty: those of PATH
  std::vector<EngineBuild> builds = {};
  Machine machine = {};
};

/// A block per build, then how to make one if none of them runs; 80 columns but for the lines of a shell.
std::string engines_text(const EnginesScreen& screen);

/// {"builds": [{"folder", "engine", "build", "commit", "features", "tools": [{"name", "path", "refusal", "flags"}], "findings"}],
/// "advice": [{"engine", "why", "lines"}]}
std::string engines_json(const EnginesScreen& screen);

}  // namespace oldiron::reports
