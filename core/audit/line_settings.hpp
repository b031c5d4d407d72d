// From a line that somebody runs now to a trial of the same: what our levers say of it, what can be handed through, and what
// cannot be compared.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/audit/pasted_line.hpp"
#include "core/config.hpp"

namespace oldiron {

struct LineSettings {
  std::string model = {};  ///< behind -m; empty: it names none
  Config config = {};      ///< what the line sets; the rest is the engine's own
  std::vector<std::string> more_front = {};  ///< before the program, and no lever says it
  std::vector<std::string> more_flags = {};  ///< behind the tool that runs it, likewise
  std::vector<std::string> left_out = {};    ///< "-c 8192: llama-bench takes the context that its tests need"
};

/// As `tool` of the engine can run it, bench or server; `knows(flag)`: whether that lists it. The config is not resolved.
LineSettings settings_of_line(const PastedLine& line, Engine engine, const ModelSpec& model, const std::function<bool(std::string_view)>& knows, Tool tool = Tool::bench);

}  // namespace oldiron
