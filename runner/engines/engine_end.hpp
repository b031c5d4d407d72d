// How a tool of a foreign engine ended, as a status and a sentence.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/trial.hpp"
#include "runner/guarded_child.hpp"

namespace oldiron {

/// The engine's own line about its failure, "" if it printed none; `unsupported`: it cannot do what was
/// asked.
struct Refusal {
  std::string line;
  bool unsupported = false;
};

Refusal refusal_of(std::string_view log);

struct EndVerdict {
  Status status;
  std::string reason;
};

/// How the program ended, if not well. `tool`: its name for people ("llama-bench").
std::optional<EndVerdict> bad_end(const CommandResult& result, std::string_view tool);

/// What every program's end says; false: `trial` has its status and reason.
bool ended_well(const CommandResult& result, std::string_view tool, Trial& trial);

/// Reads a program's output into `trial`, which is ok then, and failed without measurements if `read` throws Error.
void read_into(Trial& trial, const std::function<void()>& read);

/// Without blanks at both ends, nor the dots of a load's progress at the front.
std::string_view without_blanks(std::string_view text);

}  // namespace oldiron
