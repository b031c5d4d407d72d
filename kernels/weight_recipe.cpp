// What generated weights of a tensor look like:
//   matrices             uniform fields, standard deviation 1 / sqrt(k), a random sign per block scale: outputs are as
//                        large as inputs, and no direction is common to all rows (else all tokens come to look alike and
//                        a handful of experts takes all the work)
//   token embedding      elements of size 1 after the model's own scale, so that the first layers do not drown it; where
//                        it is the head too, without a scale, logits have a deviation near 1 instead
//   norms, .scale        1 +- 10 %
//   what attention adds  kAttentionSize: by the norm behind it, or by its output matrix
//   queries and keys     such that scores have a deviation of kScoreDeviation: by the norm of keys, or by the query matrix
//   router               such that its logits have a deviation of kRouterDeviation
//   layer_output_scale   0.9 .. 1: each layer adds two vectors of size 1 and the residual settles near a size of 4
//   biases               +- 0.1
//   sinks                near the larger scores, so that they take a share of every attention
//   delta rule           a state that forgets a fiftieth per token, more or less
//   rope_freqs           the divisors of the model itself
#include "kernels/weight_recipe.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>

namespace oldiron {

namespace {

using Kind = WeightRecipe::Kind;

// With a deviation of 4 a query attends to a few keys of hundreds. Near 1 it would average them all, and with
// every layer's average shared by all tokens their hidden states would align.
constexpr double kScoreDeviation = 4;

// Tokens of one text attend to the same keys, so what attention adds is alike for all. Forward pass of 16
// random tokens through 30 layers of Gemma-4-26B, q4_0: at size 1 their hidden states have a mean cosine of
// 0.26 and the least layer takes 55 experts of 128; at 0.5 it is 0.05 and 72, where independent choices would
// give 82.
constexpr double kAttentionSize = 0.5;

// The first of the eight chosen experts then gets a third of their weight and the eighth still a twentieth.
constexpr double kRouterDeviation = 2;

WeightRecipe around(double centre, double distance) {
  return {Kind::around, static_cast<float>(distance), static_cast<float>(centre)};
}

WeightRecipe matrix(double gain) { return {Kind::matrix, static_cast<float>(gain), 0}; }

bool has(const ModelSpec& model, const TensorSpec& tensor, std::string_view name) {
  return model.find(fmt::format("blk.{}.{}", tensor.layer, name)) != nullptr;
}

/// Size of an element after the model's scale is 1; a row of deviation g / sqrt(k) has elements of that size.
WeightRecipe embedding(const ModelSpec& model, const TensorSpec& tensor) {
  if (model.find("output.weight") == nullptr) return matrix(1);
  return matrix(std::sqrt(static_cast<double>(tensor.k())) / model.embedding_scale);
}

}  // namespace

WeightRecipe weight_recipe(const ModelSpec& model, const TensorSpec& tensor) {
  std::string_view name = tensor.name;
  if (tensor.layer >= 0) name.remove_prefix(name.find('.', 4) + 1);
  const auto k = static_cast<double>(tensor.k());
  const bool gemma4 = model.architecture.starts_with("gemma4");

  if (name == "rope_freqs.weight") return {Kind::listed, 0, 0};
  if (name == "token_embd.weight") return embedding(model, tensor);
  // One row holds the embeddings of all layers, each of which the model scales by the root of its length.
  if (name == "per_layer_token_embd.weight") return matrix(std::sqrt(static_cast<double>(model.block_count)));
  if (name == "attn_k_norm.weight") {
    const double centre = kScoreDeviation / (model.attention_scale * std::sqrt(k));
    return around(centre, 0.1 * centre);
  }
  if (name == "attn_q.weight" && !has(model, tensor, "attn_q_norm.weight")) return matrix(kScoreDeviation);
  if (name == "post_attention_norm.weight" && gemma4) return around(kAttentionSize, 0.1 * kAttentionSize);
  if ((name == "attn_output.weight" || name == "ssm_out.weight") && !gemma4) return matrix(kAttentionSize);
  if (name == "layer_output_scale.weight") return around(0.95, 0.05);
  if (name == "attn_sinks.weight") return around(kScoreDeviation, kScoreDeviation);
  if (name == "ssm_a") return around(-1, 0.5);
  if (name == "ssm_dt.bias") return around(-4, 1);
  if (name == "ffn_gate_inp_shexp.weight") return matrix(1);  // one row, whose product goes into a sigmoid
  if (name.ends_with(".bias")) return around(0, 0.1);
  if (name.ends_with(".scale") || tensor.role == Role::norm || tensor.rows() == 1) return around(1, 0.1);
  // gemma4 divides the router's input by sqrt(d), so that it has a length of 1; elsewhere its elements have.
  if (name == "ffn_gate_inp.weight") return matrix(kRouterDeviation * (gemma4 ? std::sqrt(k) : 1));
  return matrix(1);
}

}  // namespace oldiron
