#include "kernels/speculation/mtp_drafter.hpp"

#include "kernels/speculation/speculation.hpp"

namespace oldiron {

MtpDrafter::MtpDrafter(std::shared_ptr<const Weights> weights,
                       const Config &config, const Decoder &target, Team &team)
    : decoder_(std::move(weights), config, target, 1, team),
      threads_(config.decode_threads),
      logits_(static_cast<std::size_t>(target.model().vocab_size)) {}

std::vector<std::int32_t> MtpDrafter::propose(const DraftContext &context,
                                              int most) {
  hidden_.assign(context.hidden.begin(), context.hidden.end());
  // The position stays: the drafter sees what the model has stored, and nothing
  // of its own drafts.
  StepToken step{.token = context.text.back(),
                 .sequence = 0,
                 .position = static_cast<std::int32_t>(context.text.size()) - 1,
                 .logits = true};
  std::vector<std::int32_t> proposed;
  for (int i = 0; i < most; ++i) {
    decoder_.step({&step, 1}, hidden_, threads_, logits_.data(), hidden_);
    step.token = greedy(logits_);
    proposed.push_back(step.token);
  }
  return proposed;
}

} // namespace oldiron
