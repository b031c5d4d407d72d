#include "kernels/layer_weights.hpp"

#include <fmt/format.h>

#include <set>
#include <string>

#include "core/check.hpp"

namespace oldiron {

namespace {

[[noreturn]] void missing(const ModelSpec& model, const std::string& tensor) {
  throw Error(fmt::format("{}: tensor {} is missing; the file is not a whole {} model", model.id, tensor, model.architecture));
}

const Matrix& needed(const Weights& weights, const std::string& tensor) {
  const Matrix& matrix = weights.matrix(tensor);
  if (!matrix) missing(weights.model(), tensor);
  return matrix;
}

/// Attention takes heads of one size, in whole vectors.
void check_heads(const ModelSpec& model, int layer) {
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  if (spec.key_length == spec.value_length && spec.key_length % 16 == 0 && spec.key_length <= 1024) return;
  throw Error(fmt::format("{}: layer {} has keys of {} and values of {} per head; our decoder takes equal ones, in multiples of "
                          "16 up to 1024", model.id, layer, spec.key_length, spec.value_length));
}

GatedWeights gated_weights(const Matrix& gate, const Matrix& up, const float* gate_bias, const float* up_bias,
                           Activation activation) {
  const bool fused = gate.type == up.type && gate.layout == up.layout && gate_bias == nullptr && up_bias == nullptr;
  return {gate, up, gate_bias, up_bias, activation, fused};
}

/// The two halves of ffn_gate_up_exps as matrices of their own: gate rows first, then as many up rows.
GatedWeights halves(const ModelSpec& model, const Matrix& both, Activation activation) {
  Matrix gate = both;
  gate.m = both.m / 2;
  if (both.m % 2 != 0 || (both.layout == Layout::r16 && gate.m % kGroupRows != 0))
    throw Error(fmt::format("{}: experts of {} rows cannot be gated; their width must be a multiple of 16", model.id, both.m));
  Matrix up = gate;
  up.data += gate.m * row_bytes(both.type, both.k);
  return gated_weights(gate, up, nullptr, nullptr, activation);
}

}  // namespace

LayerWeights layer_weights(const Weights& weights, const Architecture& facts, int layer) {
  const ModelSpec& model = weights.model();
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const auto name = [&](std::string_view tensor) { return fmt::format("blk.{}.{}", layer, tensor); };
  std::set<std::string> known;
  const auto v = [&](std::string_view tensor) { return weights.vector(*known.insert(name(tensor)).first); };
  const auto m = [&](std::string_view tensor) { return weights.matrix(*known.insert(name(tensor)).first); };
  const auto need = [&](std::string_view tensor) {
    if (v(tensor) == nullptr && !m(tensor)) missing(model, name(tensor));
  };
  check_heads(model, layer);
  need("attn_norm.weight");
  need("attn_q.weight");
  need("attn_output.weight");
  need(facts.ffn_norm);
  if (spec.kv_from == kOwnKv) {
    need("attn_k.weight");
    if (!spec.value_is_key) need("attn_v.weight");
    if (v("attn_q_norm.weight") != nullptr) need("attn_k_norm.weight");
  }
  for (const std::string_view tensor : facts.needs) need(tensor);

  LayerWeights w = {.attn_norm = v("attn_norm.weight"),
                    .q_norm = v("attn_q_norm.weight"),
                    .k_norm = v("attn_k_norm.weight"),
                    .post_attention_norm = v("post_attention_norm.weight"),
                    .ffn_norm = v(facts.ffn_norm),
                    .post_ffw_norm = v("post_ffw_norm.weight"),
                    .output_scale = v("layer_output_scale.weight"),
                    .q_bias = v("attn_q.bias"),
                    .k_bias = v("attn_k.bias"),
                    .v_bias = v("attn_v.bias"),
                    .output_bias = v("attn_output.bias"),
                    .sinks = v("attn_sinks.weight"),
                    .post_ffw_norm_1 = v("post_ffw_norm_1.weight"),
                    .pre_ffw_norm_2 = v("pre_ffw_norm_2.weight"),
                    .post_ffw_norm_2 = v("post_ffw_norm_2.weight"),
                    .router_scale = v("ffn_gate_inp.scale"),
                    .router_bias = v("ffn_gate_inp.bias"),
                    .expert_scale = v("ffn_down_exps.scale"),
                    .expert_down_bias = v("ffn_down_exps.bias"),
                    .per_layer_norm = v("post_norm.weight"),
                    .q = m("attn_q.weight"),
                    .k = m("attn_k.weight"),
                    .v = m("attn_v.weight"),
                    .output = m("attn_output.weight"),
                    .down = m("ffn_down.weight"),
                    .router = m("ffn_gate_inp.weight"),
                    .experts_down = m("ffn_down_exps.weight"),
                    .per_layer_gate = m("inp_gate.weight"),
                    .per_layer_projection = m("proj.weight"),
                    .dense = {},
                    .experts = {}};
  if (facts.ffn_norm == "post_attention_norm.weight") w.post_attention_norm = nullptr;
  if (!w.router) need("ffn_gate.weight");
  if (m("ffn_gate.weight")) {
    need("ffn_up.weight");
    need("ffn_down.weight");
    w.dense = gated_weights(m("ffn_gate.weight"), m("ffn_up.weight"), v("ffn_gate.bias"), v("ffn_up.bias"), facts.activation);
  }
  if (w.router) {
    for (const std::string_view tensor : facts.experts_need) need(tensor);
    need("ffn_down_exps.weight");
    if (m("ffn_gate_up_exps.weight")) {
      w.experts = halves(model, m("ffn_gate_up_exps.weight"), facts.activation);
    } else {
      need("ffn_gate_exps.weight");
      need("ffn_up_exps.weight");
      w.experts = gated_weights(m("ffn_gate_exps.weight"), m("ffn_up_exps.weight"), v("ffn_gate_exps.bias"),
                                v("ffn_up_exps.bias"), facts.activation);
    }
  }
  if (model.embedding_length_per_layer_input > 0) {
    need("inp_gate.weight");
    need("proj.weight");
    need("post_norm.weight");
  }
  for (const TensorSpec& tensor : model.tensors) {  // what nothing reads would be missing from the result
    if (tensor.layer != layer || tensor.role == Role::unused || known.contains(tensor.name)) continue;
    throw Error(fmt::format("{}: tensor {} is nothing that our decoder computes in a {} model; accounting for it works "
                            "(oldiron model)", model.id, tensor.name, model.architecture));
  }
  return w;
}

GlobalWeights global_weights(const Weights& weights, const Architecture& facts) {
  const ModelSpec& model = weights.model();
  GlobalWeights w = {.embedding = needed(weights, "token_embd.weight"),
                     .head = needed(weights, model.tied_head ? "token_embd.weight" : "output.weight"),
                     .output_norm = weights.vector("output_norm.weight"),
                     .per_layer_embedding = {},
                     .per_layer_model = {},
                     .per_layer_norm = weights.vector("per_layer_proj_norm.weight"),
                     .pre_projection = {},
                     .post_projection = {}};
  if (w.output_norm == nullptr) missing(model, "output_norm.weight");
  if (model.embedding_length_per_layer_input > 0) {
    w.per_layer_embedding = needed(weights, "per_layer_token_embd.weight");
    w.per_layer_model = needed(weights, "per_layer_model_proj.weight");
    if (w.per_layer_norm == nullptr) missing(model, "per_layer_proj_norm.weight");
  }
  if (facts.drafter) {
    w.pre_projection = needed(weights, "nextn.pre_projection.weight");
    w.post_projection = needed(weights, "nextn.post_projection.weight");
  }
  return w;
}

}  // namespace oldiron
