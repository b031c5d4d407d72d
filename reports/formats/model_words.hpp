// The sentences of `oldiron model`: one place for its screen, its comparison and its one-line answer.
#pragma once

#include <string>
#include <vector>

#include "reports/model_answers.hpp"
#include "reports/screens.hpp"

namespace oldiron::reports {

/// "AMD EPYC 7302, 16 cores, 137 GB (a machine file)".
std::string machine_words(const ModelScreen& screen);

/// "16.2 (12.8 .. 19.7)"; "8.1 .. 24" if nobody can tell where inside; "-" if not known.
std::string range_text(const Range& range);

/// "independent", "half kept", "measured".
std::string routing_words(const Routing& routing);

/// Whether a plan is within the usable memory; true if that is not known.
bool fits(const ModelScreen& screen, const MemoryPlan& plan);

/// "fits: 14.9 to 15.6 GB of 21.0 GB …".
std::string fit_sentence(const ModelScreen& screen, const ModelAnswers& answers);

/// "decode 16.2 t/s (12.8 .. 19.7), held back by memory: a token reads 2.5 GB".
std::string decode_sentence(const ModelScreen& screen, const ModelAnswers& answers);

/// "first token after 3.4 s: a prompt of 512 at 150 t/s, held back by arithmetic: vpmaddubsw".
std::string first_token_sentence(const ModelScreen& screen, const ModelAnswers& answers);

/// What the speeds are computed from.
std::vector<std::string> basis_notes(const ModelScreen& screen, const ModelAnswers& answers);

}  // namespace oldiron::reports
