// The shapes that the tensors of a file that the decoder runs must have.
#include "kernels/gguf_shapes.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <utility>

#include "core/check.hpp"

namespace oldiron {

namespace {

using Shape = std::array<std::int64_t, 4>;

struct Expected {
  std::string name;
  Shape ne;
};

std::vector<Expected> expected_of_layer(const ModelSpec& model, std::size_t i, std::int64_t width) {
  const LayerSpec& layer = model.layers[i];
  const std::int64_t d = model.embedding_length, experts = model.expert_count,
                     e = model.expert_feed_forward_length, per_layer = model.embedding_length_per_layer_input;
  const std::int64_t k = layer.key_length, v = layer.value_length, q_heads = layer.n_head,
                     kv_heads = layer.n_head_kv;
  std::vector<Expected> out = {
      {"attn_norm.weight", {d, 1, 1, 1}},
      {"attn_q.weight", {d, q_heads * k, 1, 1}},
      {"attn_k.weight", {d, kv_heads * k, 1, 1}},
      {"attn_v.weight", {d, kv_heads * v, 1, 1}},
      {"attn_q.bias", {q_heads * k, 1, 1, 1}},
      {"attn_k.bias", {kv_heads * k, 1, 1, 1}},
      {"attn_v.bias", {kv_heads * v, 1, 1, 1}},
      {"attn_output.bias", {d, 1, 1, 1}},
      {"attn_sinks.weight", {q_heads, 1, 1, 1}},
      {"attn_q_norm.weight", {k, 1, 1, 1}},
      {"attn_k_norm.weight", {k, 1, 1, 1}},
      {"attn_output.weight", {q_heads * v, d, 1, 1}},
      {"post_attention_norm.weight", {d, 1, 1, 1}},
      {"ffn_norm.weight", {d, 1, 1, 1}},
      {"ffn_gate.weight", {d, width, 1, 1}},
      {"ffn_up.weight", {d, width, 1, 1}},
      {"ffn_down.weight", {width, d, 1, 1}},
      {"post_ffw_norm.weight", {d, 1, 1, 1}},
      {"post_ffw_norm_1.weight", {d, 1, 1, 1}},
      {"pre_ffw_norm_2.weight", {d, 1, 1, 1}},
      {"post_ffw_norm_2.weight", {d, 1, 1, 1}},
      {"ffn_gate_inp.weight", {d, experts, 1, 1}},
      {"ffn_gate_inp.scale", {d, 1, 1, 1}},
      {"ffn_gate_inp.bias", {experts, 1, 1, 1}},
      {"ffn_gate_up_exps.weight", {d, 2 * e, experts, 1}},
      {"ffn_gate_exps.weight", {d, e, experts, 1}},
      {"ffn_up_exps.weight", {d, e, experts, 1}},
      {"ffn_down_exps.weight", {e, d, experts, 1}},
      {"ffn_down_exps.scale", {experts, 1, 1, 1}},
      {"ffn_gate_exps.bias", {e, experts, 1, 1}},
      {"ffn_up_exps.bias", {e, experts, 1, 1}},
      {"ffn_down_exps.bias", {d, experts, 1, 1}},
      {"inp_gate.weight", {d, per_layer, 1, 1}},
      {"proj.weight", {per_layer, d, 1, 1}},
      {"post_norm.weight", {d, 1, 1, 1}},
      {"layer_output_scale.weight", {1, 1, 1, 1}},
  };
  for (Expected& tensor : out) tensor.name = fmt::format("blk.{}.{}", i, tensor.name);
  return out;
}

void check(const ModelSpec& model, const Expected& expected, const std::string& path) {
  const TensorSpec* tensor = model.find(expected.name);
  if (tensor == nullptr || tensor->ne == expected.ne) return;
  const auto text = [](const Shape& ne) {
    return fmt::format("{} x {} x {} x {}", ne[0], ne[1], ne[2], ne[3]);
  };
  throw Error(fmt::format("{}: tensor `{}` is {} and the keys ask for {}; get the file again", path,
                          tensor->name, text(tensor->ne), text(expected.ne)));
}

}  // namespace

void check_shapes(const ModelSpec& model, const std::vector<int>& feed_forward_length, const std::string& path) {
  const std::int64_t d = model.embedding_length;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const LayerSpec& layer = model.layers[i];
    if (layer.n_head < 1 || layer.n_head_kv < 1 || layer.n_head % layer.n_head_kv != 0 ||
        layer.key_length < 1 || layer.rope_dimension_count > layer.key_length ||
        layer.rope_dimension_count % 2 != 0) {
      throw Error(fmt::format(
          "{}: layer {} has {} query heads, {} key heads of {} and rotates {}, which no {} does; "
          "get the file again",
          path, i, layer.n_head, layer.n_head_kv, layer.key_length, layer.rope_dimension_count, model.architecture));
    }
    if (layer.rope_freqs)
      check(model, {"rope_freqs.weight", {layer.rope_dimension_count / 2, 1, 1, 1}}, path);
    const TensorSpec* gate = model.find(fmt::format("blk.{}.ffn_gate.weight", i));
    const std::int64_t width = feed_forward_length[i] > 0 || gate == nullptr ? feed_forward_length[i] : gate->ne[1];
    for (const Expected& expected : expected_of_layer(model, i, width))
      check(model, expected, path);
  }
  check(model, {"token_embd.weight", {d, model.vocab_size, 1, 1}}, path);
  check(model, {"output.weight", {d, model.vocab_size, 1, 1}}, path);
  check(model, {"output_norm.weight", {d, 1, 1, 1}}, path);
  const std::int64_t per_layer = model.embedding_length_per_layer_input, out = model.embedding_length_out;
  check(model, {"per_layer_token_embd.weight", {per_layer * model.block_count, model.vocab_size, 1, 1}}, path);
  check(model, {"per_layer_model_proj.weight", {d, per_layer * model.block_count, 1, 1}}, path);
  check(model, {"per_layer_proj_norm.weight", {per_layer, 1, 1, 1}}, path);
  check(model, {"nextn.pre_projection.weight", {2 * out, d, 1, 1}}, path);
  check(model, {"nextn.post_projection.weight", {d, out, 1, 1}}, path);
}

}  // namespace oldiron
