// The sentences of `oldiron model`: one place for its screen, its comparison and its one-line answer.
#pragma once

#include <string>
#include <vector>

#include "reports/model_answers.hpp"
#include "reports/screens.hpp"

namespace oldiron::reports {

/// "AMD EPYC 7302, 16 cores, 137.4 GB".
std::string machine_words(const ModelScreen& screen);

/// "16.2 (12.8 .. 19.7)"; "8.1 .. 24" if nobody can tell where inside; "-" if not known.
std::string range_text(const Estimate& range);

/// "16.2 t/s (12.8 .. 19.7)", "8.1 .. 24 t/s".
std::string speed_range_text(const Estimate& range);

/// "independent", "50 % kept", "measured".
std::string routing_words(const Routing& routing);

/// Whether a plan is within the usable memory; true if that is not known.
bool fits(const ModelScreen& screen, const MemoryPlan& plan);

/// "yes: 14.9 to 15.6 GB at 4096 tokens, by engine; 21.0 GB usable".
std::string fit_sentence(const ModelScreen& screen, const ModelAnswers& answers);

/// "16.2 t/s (12.8 .. 19.7), held by memory: a token reads 2.5 GB".
std::string decode_sentence(const ModelAnswers& answers);

/// "3.4 s for a prompt of 512: 150 t/s (147 .. 159), held by arithmetic: vpmaddubsw".
std::string first_token_sentence(const ModelScreen& screen, const ModelAnswers& answers);

/// What the speeds are computed from.
std::vector<std::string> basis_notes(const ModelScreen& screen);

}  // namespace oldiron::reports
