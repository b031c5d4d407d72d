// From a command line's words to a Command: what stands in front of the program is done by us, not by other programs.
#pragma once

#include <string>
#include <vector>

#include "core/audit/pasted_line.hpp"
#include "core/machine.hpp"
#include "core/trial.hpp"
#include "runner/process.hpp"

namespace oldiron {

/// NAME=value words become environment, `numactl` with --interleave=, --membind= or --cpunodebind= and `taskset -c` become
/// memory policy and CPUs, so that neither program needs to be there; the rest is the program and its arguments. Throws
/// Error for an option of theirs that it does not know.
Command command_of(std::vector<std::string> words);

/// What numactl, taskset and nice would do to the command that they start is done to it. Throws Error for an option of
/// theirs that is not known.
void place(const Wrapper& wrapper, Command& command);

/// What stands before a foreign engine's program in a trial: what its line has beside our levers, and what those say.
/// Variables come first. `machine`: whose CPUs are named.
std::vector<std::string> words_before(const TrialSpec& spec, const Machine& machine);

}  // namespace oldiron
