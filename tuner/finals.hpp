// The end of a tune: the best and the default side by side, and what the answer is.
#pragma once

#include "tuner/search.hpp"

namespace oldiron {

/// Runs the finalists and the default interleaved and writes default_answer, lossless, lossy and
/// verify_costs.
void run_finals(Search& search);

}  // namespace oldiron
