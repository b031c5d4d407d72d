// The line that a person runs now, as a trial beside the tune's.
#pragma once

#include <string>
#include <vector>

#include "app/tune_record.hpp"
#include "tuner/tune.hpp"

namespace oldiron {

struct YourLineRead {
  std::vector<std::string> not_compared = {};  ///< what of the line cannot be compared, a clause each
  std::string by_server = {};  ///< why llama-server runs all trials for its sake; empty: the line needs none
};

/// Sets request.yours from the record's baseline, if there is one and the candidate is a foreign engine; where llama-bench cannot say
/// what may matter in it, and there is a llama-server, base.engine_dir too.
YourLineRead add_yours(const TuneRecord& record, const Candidate& candidate, const ModelSpec& model, TuneRequest& request);

/// The model that a line names; empty if it names none.
std::string model_of_line(const std::vector<std::string>& words);

}  // namespace oldiron
