// What a configuration loses beside another one: divergence of its probabilities on given texts, and loops in
// its own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/measurement.hpp"
#include "core/team.hpp"
#include "kernels/quality/own_text.hpp"

namespace oldiron {

/// A decoder that is compared needs sequences and positions for the texts, and steps of so many tokens at
/// least.
inline constexpr int kQualityStepTokens = 16;

/// Means over the positions of one text.
struct TextQuality {
  double kl = 0;    ///< nats per token, Divergence's
  double top1 = 0;  ///< share of positions whose most likely token is the same
};

/// Both decoders read the text, kQualityStepTokens at a time; every position counts. Holds the logits of one
/// such step of both. The decoders share a team and run in turns.
TextQuality compare_on_text(Decoder& reference, Decoder& candidate, std::span<const std::int32_t> text,
                            Team& team, int threads);

/// kQualityKl and kQualityTop1 over the texts: a sample per text, means with an interval that the texts'
/// differences give.
std::vector<Measurement> quality_on_texts(Decoder& reference, Decoder& candidate,
                                          const std::vector<std::vector<std::int32_t>>& texts, Team& team,
                                          int threads);

/// The same on texts that the reference makes for itself, and the share of texts that end in a loop: of these
/// (kQualityOwnLoops), and of those that the candidate makes from the same beginnings and seeds
/// (kQualityLoops).
std::vector<Measurement> quality_on_own_texts(Decoder& reference, Decoder& candidate, const TextTokens& known,
                                              const OwnTextOptions& options, Team& team);

}  // namespace oldiron
