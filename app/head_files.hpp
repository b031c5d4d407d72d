// The heads that a tune is told to try, and the files that foreign engines need for them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/tune_record.hpp"
#include "runner/engines/llama_quantize.hpp"
#include "runner/model_source.hpp"

namespace oldiron {

/// The types of the setting head_type, without the model's own.
std::vector<HeadType> asked_heads(const TuneRecord& record);

/// A file for each, in `out_dir`: what is not there yet is written, which for a large model takes minutes that are not of the
/// budget. Throws Error.
HeadFiles head_files(const FoundEngine& bench, const ModelRequest& file, const TuneRecord& record, const std::string& out_dir, const RunCommand& run,
                     const std::function<void(const std::string&)>& say);

}  // namespace oldiron
