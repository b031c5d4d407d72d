// The architectures that the decoder runs, one record each.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/architecture.hpp"

namespace oldiron {

std::span<const Architecture> architectures() {
  static const Architecture kAll[] = {
      {.name = "gemma4",
       .activation = Activation::gelu_tanh,
       .value_norm = true,
       .attention_unscaled = true,
       .embedding_scaled = true,
       .needs = {"attn_q_norm.weight", "post_attention_norm.weight", "ffn_gate.weight", "post_ffw_norm.weight"},
       .experts_need = {"ffn_gate_inp.scale", "post_ffw_norm_1.weight", "pre_ffw_norm_2.weight",
                        "post_ffw_norm_2.weight"}},
      // Llama and Mixtral; their converter interleaves the rows of Q and K, so that neighbours are rotated.
      {.name = "llama", .rope_pairs = RopePairs::neighbours},
      {.name = "qwen3moe", .needs = {"attn_q_norm.weight", "attn_k_norm.weight", "ffn_gate_inp.weight"}},
      {.name = "gpt-oss",
       .activation = Activation::swiglu_oai,
       .even_layers_slide = true,
       .ffn_norm = "post_attention_norm.weight",
       .needs = {"attn_q.bias", "attn_k.bias", "attn_v.bias", "attn_output.bias", "attn_sinks.weight",
                 "ffn_gate_inp.weight"},
       .experts_need = {"ffn_gate_inp.bias", "ffn_gate_exps.bias", "ffn_up_exps.bias", "ffn_down_exps.bias"}},
      {.name = "gemma4-assistant",
       .activation = Activation::gelu_tanh,
       .attention_unscaled = true,
       .drafter = true,
       .needs = {"attn_q_norm.weight", "post_attention_norm.weight", "ffn_gate.weight", "post_ffw_norm.weight"}},
  };
  return kAll;
}

const Architecture* architecture(std::string_view name) {
  const auto found = std::find_if(architectures().begin(), architectures().end(),
                                  [&](const Architecture& known) { return known.name == name; });
  return found == architectures().end() ? nullptr : &*found;
}

std::string why_not_run(const ModelSpec& model) {
  const Architecture* known = architecture(model.architecture);
  if (known != nullptr && !known->drafter) return {};
  if (known != nullptr)
    return fmt::format("{} is a drafter: it runs beside the model that it drafts for, not alone", model.id);
  std::string names;
  for (const Architecture& each : architectures()) names += fmt::format("{}{}", names.empty() ? "" : ", ", each.name);
  const bool linear = std::any_of(model.tensors.begin(), model.tensors.end(),
                                  [](const TensorSpec& tensor) { return tensor.role == Role::linattn; });
  return fmt::format("{}: architecture '{}'{} can be accounted for (oldiron model), and tuned in an engine that runs it (--engine "
                     "DIR); our decoder runs {}", model.id, model.architecture, linear ? ", whose attention is linear," : "", names);
}

}  // namespace oldiron
