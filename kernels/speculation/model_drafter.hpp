// A smaller model with the same vocabulary as a drafter: it decodes greedily ahead of the large one.
#pragma once

#include <memory>

#include "kernels/decoder.hpp"
#include "kernels/speculation/drafter.hpp"

namespace oldiron {

class ModelDrafter final : public Drafter {
 public:
  /// `max_context` positions, at most `most` tokens ahead; shares the team with the large model, which rests
  /// while this one drafts. Throws Error if the draft model cannot be run.
  ModelDrafter(std::shared_ptr<const Weights> weights, const Config& config, int max_context, int most,
               Team& team);

  std::vector<std::int32_t> propose(const DraftContext& context, int most) override;

 private:
  std::int32_t next(std::int32_t token);

  Decoder decoder_;
  int prefill_threads_, decode_threads_, ubatch_;
  std::size_t room_;                  ///< how far it can go back without reading the text anew
  std::vector<std::int32_t> stored_;  ///< the tokens whose keys and values the draft model holds
  std::vector<float> logits_;
};

}  // namespace oldiron
