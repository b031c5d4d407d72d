// Quality of a configuration beside the model's own, for one trial of our engine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/trial.hpp"
#include "kernels/decoder.hpp"
#include "kernels/text_tokens.hpp"
#include "kernels/weights.hpp"

namespace oldiron {

/// A sentence on why texts of this model say nothing of quality, else empty.
std::string why_no_quality(const ModelSpec& model);

/// What the workload's quality_texts and quality_tokens ask for (quality_on_own_texts()). The reference is
/// without_losses() of the configuration, on the same weights.
std::vector<Measurement> quality_trial(const std::shared_ptr<const Weights>& weights, const TextTokens& known,
                                       const TrialSpec& spec, Team& team);

/// Both decoders that a comparison on texts of at most `tokens` tokens needs, `texts` of them at a time.
DecoderOptions quality_decoder_options(int texts, int tokens, int n_experts);

}  // namespace oldiron
