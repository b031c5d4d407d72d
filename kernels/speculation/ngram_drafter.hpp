// Prompt look-up: what followed the last time the text ended like this.
#pragma once

#include "kernels/speculation/drafter.hpp"

namespace oldiron {

/// Looks for the latest earlier place where the last three, else two tokens stand, and proposes what followed
/// there, going round where that runs into the end of the text.
/// Source: prompt look-up decoding (A. Saxena, 2023); the engines call it ngram-simple.
class NgramDrafter final : public Drafter {
 public:
  std::vector<std::int32_t> propose(const DraftContext& context, int most) override;
};

}  // namespace oldiron
