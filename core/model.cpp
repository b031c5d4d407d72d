// Look-ups in a model's tensors, and cutting it.
#include "core/model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"

namespace oldiron {

const TensorSpec* ModelSpec::find(std::string_view tensor_name) const {
  const auto same = [&](const TensorSpec& tensor) { return tensor.name == tensor_name; };
  const auto found = std::find_if(tensors.begin(), tensors.end(), same);
  return found == tensors.end() ? nullptr : &*found;
}

std::int64_t ModelSpec::bytes() const {
  std::int64_t total = 0;
  for (const TensorSpec& tensor : tensors) total += tensor.bytes();
  return total;
}

std::int64_t ModelSpec::n_params() const {
  std::int64_t total = 0;
  for (const TensorSpec& tensor : tensors) total += tensor.k() * tensor.rows();
  return total;
}

void share_kv(ModelSpec& model, int n) {
  const int first_shared = model.block_count - n;
  for (int i = std::max(0, first_shared); i < model.block_count; ++i) {
    LayerSpec& layer = model.layers[static_cast<std::size_t>(i)];
    layer.kv_from = kTargetKv;
    if (model.embedding_length_out > 0) continue;
    for (int from = first_shared - 1; from >= 0 && layer.kv_from < 0; --from)
      if (model.layers[static_cast<std::size_t>(from)].sliding == layer.sliding) layer.kv_from = from;
    if (layer.kv_from < 0) {
      throw Error(fmt::format("{}: layer {} shares the keys of an earlier layer of its kind, and there is none",
                              model.id, i));
    }
  }
}

ModelSpec cut_layers(ModelSpec model, int n_layers) {
  if (n_layers <= 0 || n_layers >= model.block_count) return model;
  model.layers.resize(static_cast<std::size_t>(n_layers));
  const bool divides = std::any_of(model.layers.begin(), model.layers.end(),
                                   [](const LayerSpec& layer) { return layer.rope_freqs; });
  // Engines refuse a file with a tensor that no layer asks for: the divisors go with the last layer that uses them.
  const auto beyond = [&](const TensorSpec& tensor) {
    return tensor.layer >= n_layers || (!divides && tensor.name == "rope_freqs.weight");
  };
  model.tensors.erase(std::remove_if(model.tensors.begin(), model.tensors.end(), beyond),
                      model.tensors.end());
  if (!divides) model.rope_freqs.clear();
  const std::int64_t per_layer = std::int64_t{model.embedding_length_per_layer_input} * n_layers;
  for (TensorSpec& tensor : model.tensors) {
    if (tensor.name == "per_layer_token_embd.weight") tensor.ne[0] = per_layer;
    if (tensor.name == "per_layer_model_proj.weight") tensor.ne[1] = per_layer;
  }
  model.block_count = n_layers;
  model.fingerprint = hex16(hash64(fmt::format("{} cut to {} layers", model.fingerprint, n_layers)));
  return model;
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::attn:
      return "attn";
    case Role::linattn:
      return "linattn";
    case Role::dense:
      return "dense";
    case Role::shexp:
      return "shexp";
    case Role::exps:
      return "exps";
    case Role::exps_bias:
      return "exps_bias";
    case Role::exps_scale:
      return "exps_scale";
    case Role::router:
      return "router";
    case Role::norm:
      return "norm";
    case Role::bias:
      return "bias";
    case Role::proj:
      return "proj";
    case Role::ple:
      return "ple";
    case Role::head:
      return "head";
    case Role::embd:
      return "embd";
    case Role::unused:
      return "unused";
  }
  return "";
}

}  // namespace oldiron
