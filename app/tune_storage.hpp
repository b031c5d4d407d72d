// The files of a tune's model, and the storage that they lie on.
#pragma once

#include <string>
#include <vector>

#include "app/tune_record.hpp"

namespace oldiron {

/// The parts of a GGUF. Throws Error.
std::vector<std::string> files_of(const std::string& model);

/// Measures record.storage, or takes it from the tune that `out_dir` holds: a resumed tune plans with what it began with, so that it
/// takes the same path.
void look_at_storage(const std::vector<std::string>& files, const std::string& out_dir, TuneRecord& record);

}  // namespace oldiron
