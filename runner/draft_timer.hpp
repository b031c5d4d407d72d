// Timing our decoder with drafts: a text of the model's own, continued greedily with and without them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/trial.hpp"
#include "kernels/decoder.hpp"
#include "kernels/text_tokens.hpp"
#include "runner/trial_watch.hpp"

namespace oldiron {

/// What is needed to draft beside the model itself.
struct DraftParts {
  TextTokens known;                      ///< of the model
  std::shared_ptr<const Weights> model;  ///< that drafts; empty for kinds that need none
};

/// Tokens of the text that is continued, drawn at temperature 1 from the workload's seed.
inline constexpr int kDraftPromptTokens = 64;

/// Positions and step size that time_drafts() needs of its decoder.
DecoderOptions draft_decoder_options(const TrialSpec& spec);

/// kDecode with the drafts of the configuration, kPlainDecode, and draft_measurements(), over generate_tokens
/// tokens.
///
/// Tagged are generated weights, whose acceptance says nothing, and a text that loops, in which more is
/// accepted than elsewhere. Throws Error if a drafter cannot be made, or if both texts are not the same.
std::vector<Measurement> time_drafts(
    Decoder& decoder, const DraftParts& parts, const TrialSpec& spec, Team& team, TrialWatch& watch,
    const std::function<void(const std::string& name, double value)>& on_sample);

}  // namespace oldiron
