// What a foreign engine printed, kept beside its trial.
#pragma once

#include <string>
#include <vector>

#include "core/config.hpp"
#include "runner/process.hpp"

namespace oldiron {

/// Writes the command line and both outputs to a new file in `dir`, which it makes, and gives its path: gzip, for zless.
/// Empty if `dir` is. Throws Error if it cannot be written.
std::string keep_log(const std::string& dir, Engine engine, const std::vector<std::string>& command, const Output& out, const Output& err);

/// The text of such a file, or of one that is not compressed. Throws Error naming it.
std::string read_log(const std::string& path);

}  // namespace oldiron
