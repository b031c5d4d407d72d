// Drafter: proposes tokens that a model then checks together in one step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace oldiron {

/// What a drafter may look at.
struct DraftContext {
  /// All tokens so far. The last one was not evaluated yet: the model holds keys and values of the positions
  /// below text.size() - 1, which is the position that the last token will take.
  std::span<const std::int32_t> text;
  /// [embedding] the model's row after output_norm at the position whose logits gave text.back().
  std::span<const float> hidden;
};

class Drafter {
 public:
  virtual ~Drafter() = default;

  /// Tokens that may follow the text, at most `most` and in order; none if there is nothing to go by. A wrong
  /// guess costs time and never changes the output.
  virtual std::vector<std::int32_t> propose(const DraftContext& context, int most) = 0;
};

}  // namespace oldiron
