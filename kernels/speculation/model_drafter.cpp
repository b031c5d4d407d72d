#include "kernels/speculation/model_drafter.hpp"

#include <algorithm>

#include "kernels/speculation/speculation.hpp"

namespace oldiron {

ModelDrafter::ModelDrafter(std::shared_ptr<const Weights> weights, const Config& config, int max_context,
                           int most, Team& team)
    : decoder_(std::move(weights), config,
               {.max_sequences = 1,
                .max_context = max_context,
                .max_step_tokens = std::max(config.ubatch, most + 1)},
               team),
      prefill_threads_(config.prefill_threads),
      decode_threads_(config.decode_threads),
      ubatch_(config.ubatch),
      room_(static_cast<std::size_t>(std::max(config.ubatch, most + 1))),
      logits_(static_cast<std::size_t>(decoder_.model().vocab_size)) {}

std::int32_t ModelDrafter::next(std::int32_t token) {
  const StepToken step{
      .token = token, .sequence = 0, .position = static_cast<std::int32_t>(stored_.size()), .logits = true};
  decoder_.step({&step, 1}, decode_threads_, logits_.data());
  stored_.push_back(token);
  return greedy(logits_);
}

std::vector<std::int32_t> ModelDrafter::propose(const DraftContext& context, int most) {
  // What the model rejected is forgotten; all but the last token of what is new is read as a prompt.
  const auto known = static_cast<std::size_t>(
      std::mismatch(stored_.begin(), stored_.end(), context.text.begin(), context.text.end()).first -
      stored_.begin());
  const std::size_t end = context.text.size() - 1;
  const std::size_t kept = std::min(known, end);
  stored_.resize(stored_.size() - kept > room_ ? 0 : kept);
  decoder_.rewind(0, static_cast<int>(stored_.size()));
  while (stored_.size() < end) {
    std::vector<StepToken> step;
    for (std::size_t i = stored_.size();
         i < std::min(end, stored_.size() + static_cast<std::size_t>(ubatch_)); ++i)
      step.push_back({.token = context.text[i],
                      .sequence = 0,
                      .position = static_cast<std::int32_t>(i),
                      .logits = false});
    decoder_.step(step, step.size() > 1 ? prefill_threads_ : decode_threads_, logits_.data());
    for (const StepToken& each : step) stored_.push_back(each.token);
  }
  std::vector<std::int32_t> proposed;
  std::int32_t token = context.text.back();
  for (int i = 0; i < most; ++i) {
    token = next(token);
    proposed.push_back(token);
  }
  return proposed;
}

}  // namespace oldiron
