// What generated weights of a tensor look like.
#pragma once

#include <cstdint>

#include "core/model.hpp"

namespace oldiron {

struct WeightRecipe {
  /// matrix: random rows of the tensor's type. around: F32 uniform in centre +- amplitude. listed: the model's rope_freqs.
  enum class Kind : std::uint8_t { matrix, around, listed } kind = Kind::matrix;
  float amplitude = 1;  ///< matrix: gain, 1 keeps the size of its input
  float centre = 0;
};

/// Chosen so that nothing explodes, collapses or aligns in a forward pass, routing spreads over the experts, and what a
/// tensor adds is large enough that leaving it out would be seen.
WeightRecipe weight_recipe(const ModelSpec& model, const TensorSpec& tensor);

}  // namespace oldiron
