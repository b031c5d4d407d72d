// Drawing tokens at temperature 1, the same ones everywhere for the same seed and logits.
#pragma once

#include <cstdint>
#include <span>

namespace oldiron {

/// Uniform numbers of a seed: the upper 53 bits of splitmix64 as a fraction in [0, 1).
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
class UniformStream {
 public:
  explicit UniformStream(std::uint64_t seed) : state_(seed) {}

  double next();

 private:
  std::uint64_t state_;
};

/// The token at which the sum of the softmax of `logits`, taken in order of ids and in double, first exceeds
/// `uniform`; tokens of `never` have no part in it. Needs: a token that is left.
std::int32_t draw(std::span<const float> logits, double uniform, std::span<const std::int32_t> never);

}  // namespace oldiron
