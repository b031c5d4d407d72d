// The shapes that the tensors of a file that the decoder runs must have, so that no later code reads beyond one.
#pragma once

#include <string>
#include <vector>

#include "core/model.hpp"

namespace oldiron {

/// Throws Error naming the first tensor of `model` whose shape contradicts the keys. Tensors that are missing
/// are the decoder's to miss; unknown ones are nobody's. feed_forward_length: of each layer.
void check_shapes(const ModelSpec& model, const std::vector<int>& feed_forward_length, const std::string& path);

}  // namespace oldiron
