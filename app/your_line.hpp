// The line that a person runs now, as a trial beside the tune's.
#pragma once

#include <string>
#include <vector>

#include "app/tune_record.hpp"
#include "tuner/tune.hpp"

namespace oldiron {

/// Sets request.yours from the record's baseline, if there is one and the candidate is a foreign engine. Gives what of the
/// line cannot be compared, a clause each.
std::vector<std::string> add_yours(const TuneRecord& record, const Candidate& candidate, const ModelSpec& model, TuneRequest& request);

/// The model that a line names; empty if it names none.
std::string model_of_line(const std::vector<std::string>& words);

}  // namespace oldiron
