// What a foreign engine's bench and server cannot do for lossy configurations: a quality figure.
#pragma once

#include <memory>
#include <string>

#include "runner/engine.hpp"

namespace oldiron {

/// A trial with quality_texts > 0 goes to `perplexity` (nullptr: there is none, `why_no_perplexity`), every other to `speed`.
std::unique_ptr<TrialEngine> make_lossy_tools(std::unique_ptr<TrialEngine> speed, std::unique_ptr<TrialEngine> perplexity, std::string why_no_perplexity);

}  // namespace oldiron
