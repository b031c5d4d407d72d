// What the linear-attention layers of a GGUF file keep of a sequence.
#pragma once

#include "core/model.hpp"
#include "kernels/gguf_keys.hpp"

namespace oldiron {

/// Sets LayerSpec::conv_state and recurrent_state of layers that have ssm_ tensors, as both engines allocate them:
/// (conv_kernel - 1) (inner_size + 2 group_count state_size) and state_size inner_size floats. Where such a layer has
/// no K projection, it has no keys, values and heads either.
void read_states(const GgufKeys& keys, ModelSpec& model);

}  // namespace oldiron
