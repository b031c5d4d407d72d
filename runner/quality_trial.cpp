#include "runner/quality_trial.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/quality/quality.hpp"

namespace oldiron {

std::string why_no_quality(const ModelSpec& model) {
  return model.synthetic
             ? fmt::format("the weights of {} are generated, so that its texts say nothing of quality",
                           model.id)
             : "";
}

DecoderOptions quality_decoder_options(int texts, int tokens, int n_experts) {
  return {.max_sequences = texts,
          .max_context = tokens,
          .max_step_tokens = std::max(texts, kQualityStepTokens),
          .n_experts = n_experts};
}

std::vector<Measurement> quality_trial(const std::shared_ptr<const Weights>& weights, const TextTokens& known,
                                       const TrialSpec& spec, Team& team) {
  const Workload& w = spec.workload;
  const Config own = without_losses(spec.config, weights->model());
  const auto options = [&](const Config& config) {
    return quality_decoder_options(w.quality_texts, w.quality_tokens, config.n_experts);
  };
  Decoder reference(weights, own, options(own), team);
  Decoder candidate(weights, spec.config, options(spec.config), team);
  return quality_on_own_texts(reference, candidate, known,
                              {.texts = w.quality_texts,
                               .tokens = w.quality_tokens,
                               .seed = w.seed,
                               .threads = spec.config.decode_threads},
                              team);
}

}  // namespace oldiron
