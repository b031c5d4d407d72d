// A multi-token-prediction drafter: reads the keys and values of the model that
// it drafts for.
#pragma once

#include "kernels/mtp_decoder.hpp"
#include "kernels/speculation/drafter.hpp"

namespace oldiron {

class MtpDrafter final : public Drafter {
public:
  /// `target` outlives this and rests while it drafts. Throws Error if the
  /// weights are no drafter for it.
  MtpDrafter(std::shared_ptr<const Weights> weights, const Config &config,
             const Decoder &target, Team &team);

  std::vector<std::int32_t> propose(const DraftContext &context,
                                    int most) override;

private:
  MtpDecoder decoder_;
  int threads_;
  std::vector<float> hidden_, logits_;
};

} // namespace oldiron
