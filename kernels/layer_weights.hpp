// The tensors of a model by what the decoder's chain does with them; a step whose tensor is absent is left out.
#pragma once

#include <vector>

#include "kernels/architecture.hpp"
#include "kernels/weights.hpp"

namespace oldiron {

/// Two matrices [k, width] whose outputs are gated: activation(gate x + gate_bias) * (up x + up_bias), per expert.
struct GatedWeights {
  Matrix gate, up;
  const float *gate_bias = nullptr, *up_bias = nullptr;  ///< [experts][width]
  Activation activation = Activation::silu;
  bool fused = false;  ///< one kernel does it all: types are the same, and there are no biases

  explicit operator bool() const { return bool(gate); }

  std::int64_t width() const { return gate.m; }
};

/// Vectors are nullptr where the layer has none.
struct LayerWeights {
  const float *attn_norm, *q_norm, *k_norm, *post_attention_norm, *ffn_norm, *post_ffw_norm, *output_scale;
  const float *q_bias, *k_bias, *v_bias, *output_bias, *sinks;
  const float *post_ffw_norm_1, *pre_ffw_norm_2, *post_ffw_norm_2;
  const float *router_scale, *router_bias, *expert_scale, *expert_down_bias;
  const float* per_layer_norm;
  Matrix q, k, v, output, down, router, experts_down, per_layer_gate, per_layer_projection;
  GatedWeights dense, experts;
};

struct GlobalWeights {
  Matrix embedding, head;
  const float* output_norm;
  Matrix per_layer_embedding, per_layer_model;  ///< of models whose layers add an embedding of their own
  const float* per_layer_norm;
  Matrix pre_projection, post_projection;  ///< of a drafter
};

/// Each throws Error naming a tensor that is missing, or whose shape the chain cannot take.
LayerWeights layer_weights(const Weights& weights, const Architecture& facts, int layer);
GlobalWeights global_weights(const Weights& weights, const Architecture& facts);

}  // namespace oldiron
