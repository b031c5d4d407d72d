// The forward pass of a multi-token-prediction drafter (gemma4-assistant), which runs beside the model that it drafts for.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernels/decoder.hpp"

namespace oldiron {

/// Has no cache: its layers read the keys and values that the target's last layers of the same kind have stored. Not
/// thread-safe; the target must rest during a step.
class MtpDecoder {
 public:
  /// Steps of at most `max_step_tokens` tokens, of as many sequences. `target` outlives this. Throws Error if it is no drafter,
  /// or not one for this target (widths, vocabulary, heads), or a tensor is missing.
  MtpDecoder(std::shared_ptr<const Weights> weights, const Config& config, const Decoder& target, int max_step_tokens, Team& team);
  ~MtpDecoder();
  MtpDecoder(const MtpDecoder&) = delete;
  MtpDecoder& operator=(const MtpDecoder&) = delete;

  const ModelSpec& model() const;

  /// One draft step. A token is the last that was accepted or drafted; its position, the same for all steps of a round, is
  /// the one that the last accepted token will take: the target has stored those below it, at least one.
  ///
  /// Shapes: hidden, next_hidden [tokens][embedding_length_out], first Decoder::output_row() of the position whose logits gave
  /// the token, then what the step before left in next_hidden; they may be the same memory. logits [tokens with
  /// .logits][vocab]. Throws Error on non-finite activations.
  void step(std::span<const StepToken> tokens, std::span<const float> hidden, int threads, float* logits,
            std::span<float> next_hidden);

 private:
  std::unique_ptr<Decoder::Impl> impl_;
  std::vector<StepToken> queries_;  ///< the tokens at the last positions that they see
};

}  // namespace oldiron
