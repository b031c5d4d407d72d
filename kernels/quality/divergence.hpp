// How far the probabilities of one row of logits are from those of another.
#pragma once

#include <span>

namespace oldiron {

struct Divergence {
  double kl = 0;  ///< sum of p (ln p - ln q) over the vocabulary, p the reference's: nats
  bool same_top = false;
};

/// Shapes: both [vocab]. Probabilities are the softmax of the logits, by log-softmax in double. Two passes
/// over the rows, no storage.
Divergence divergence(std::span<const float> reference, std::span<const float> candidate);

}  // namespace oldiron
