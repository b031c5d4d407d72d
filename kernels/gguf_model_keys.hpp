// The keys of a GGUF file that say what a model is.
#pragma once

#include "core/model.hpp"
#include "kernels/gguf_header_writer.hpp"

namespace oldiron {

/// Keys below "general." and below the architecture, as the engines need them to load `model`. What a ModelSpec has no
/// field for stands in the shapes of its tensors.
void put_model_keys(const ModelSpec& model, HeaderWriter& out);

}  // namespace oldiron
