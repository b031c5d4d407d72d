// Greedy decoding with drafts: a round drafts some tokens, checks them in one step, and keeps those that the
// model itself would have chosen.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/measurement.hpp"
#include "kernels/decoder.hpp"
#include "kernels/speculation/drafter.hpp"

namespace oldiron {

/// One round: `accepted` drafts and the model's own next token are kept.
struct Round {
  int proposed = 0, accepted = 0;
  double draft_s = 0, verify_s = 0;
  double experts = 0;  ///< distinct ones that the step of proposed + 1 tokens used, mean over layers; 0: the
                       ///< model has none

  int tokens() const { return accepted + 1; }
};

/// Distinct experts that the decoder's last step used, mean over the layers that have any; 0 if none has.
double mean_experts(const Decoder& decoder);

/// The token with the largest logit, the first of several.
std::int32_t greedy(std::span<const float> logits);

/// Sequence 0 of a decoder, continued greedily.
///
/// A column of a step has the same bits whatever stands beside it, so every token is the one that decoding
/// without drafts gives. Needs: the decoder takes steps of draft_length + 1 tokens, and no other sequence 0
/// is running on it.
class Speculation {
 public:
  /// `drafter` nullptr: plain decoding, the same loop with steps of one token.
  Speculation(Decoder& decoder, Drafter* drafter, int draft_length, int threads);

  /// Starts anew with a prompt of at least one token, read in steps of `ubatch`. The text is then the prompt
  /// and one token.
  void begin(std::span<const std::int32_t> prompt, int ubatch, int threads);

  /// Appends 1 to draft_length + 1 tokens, and no more than `most`.
  Round round(int most);

  std::span<const std::int32_t> text() const { return text_; }

 private:
  Decoder& decoder_;
  Drafter* drafter_;
  int draft_length_, threads_;
  std::vector<std::int32_t> text_;
  std::vector<float> hidden_;  ///< DraftContext's
  std::vector<float> logits_;  ///< [draft_length + 1][vocab]
};

/// What rounds say of the drafts: acceptance per position (of the rounds that proposed so many tokens),
/// tokens a round, seconds of drafting and checking, distinct experts by size of the step. Empty if there
/// were no rounds.
std::vector<Measurement> draft_measurements(std::span<const Round> rounds);

}  // namespace oldiron
