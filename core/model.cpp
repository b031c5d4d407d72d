// What a model moves and computes per token, counted from its tensors.
#include "core/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"

namespace oldiron {
namespace {

/// Sums over the tensors of a model, by how often a token reads them.
struct Totals {
  double attention = 0, dense = 0, router = 0, norms = 0, head = 0;
  double experts = 0;  ///< all of them
};

/// `size` is bytes or weights of a tensor. Left out, being below 0.001 % of a token: the embedding row and
/// the experts' scales.
template <class Size>
Totals sum(const ModelSpec& model, Size size) {
  Totals totals;
  for (const TensorSpec& tensor : model.tensors) {
    const double n = static_cast<double>(size(tensor));
    switch (tensor.role) {
      case Role::attn:
      case Role::linattn:
        totals.attention += n;
        break;
      case Role::dense:
      case Role::shexp:
      case Role::proj:
      case Role::ple:
        totals.dense += n;
        break;
      case Role::exps:
      case Role::exps_bias:
        totals.experts += n;
        break;
      case Role::router:
        totals.router += n;
        break;
      case Role::norm:
      case Role::bias:
        totals.norms += n;
        break;
      case Role::head:
        totals.head += n;
        break;
      case Role::exps_scale:
      case Role::embd:
      case Role::unused:
        break;
    }
  }
  return totals;
}

Totals sum_bytes(const ModelSpec& model) {
  return sum(model, [](const TensorSpec& tensor) { return tensor.bytes(); });
}

int used_experts(const ModelSpec& model, int n_experts) {
  return n_experts > 0 ? n_experts : model.expert_used_count;
}

/// `used` of the experts, or 0 for a dense model.
double expert_share(const ModelSpec& model, double used) {
  return model.expert_count > 0 ? used / model.expert_count : 0;
}

std::int64_t visible(const LayerSpec& layer, std::int64_t context) {
  return layer.window > 0 ? std::min<std::int64_t>(context, layer.window) : context;
}

double kv_read_bytes(const ModelSpec& model, std::int64_t context, KvType kv_type) {
  double elements = 0;
  for (const LayerSpec& layer : model.layers) {
    elements += static_cast<double>(visible(layer, context)) * layer.n_head_kv *
                (layer.key_length + layer.value_length);
  }
  return elements * kv_bytes_per_element(kv_type);
}

/// Layers that read the cache of an earlier layer or of another model have no K tensor, or one that is never
/// read.
bool owns_kv(const ModelSpec& model, std::size_t layer) {
  const TensorSpec* key = model.find(fmt::format("blk.{}.attn_k.weight", layer));
  return key != nullptr && key->role != Role::unused;
}

}  // namespace

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
  model.block_count = n_layers;
  model.fingerprint = hex16(hash64(fmt::format("{} cut to {} layers", model.fingerprint, n_layers)));
  return model;
}

BytesPerToken bytes_per_token(const ModelSpec& model, int n_experts, std::int64_t context, KvType kv_type) {
  const Totals totals = sum_bytes(model);
  return {.always_on = totals.attention + totals.dense + totals.router + totals.norms,
          .head = totals.head,
          .experts = totals.experts * expert_share(model, used_experts(model, n_experts)),
          .kv = kv_read_bytes(model, context, kv_type),
          .attention = totals.attention,
          .dense = totals.dense,
          .router = totals.router,
          .norms = totals.norms};
}

double expected_experts(int expert_count, int used, int tokens) {
  if (expert_count == 0) return 0;
  const double missed = 1 - static_cast<double>(used) / expert_count;
  return expert_count * (1 - std::pow(missed, tokens));
}

double bytes_per_step(const ModelSpec& model, int n_experts, int tokens, std::int64_t context,
                      KvType kv_type) {
  const Totals totals = sum_bytes(model);
  const double distinct = expected_experts(model.expert_count, used_experts(model, n_experts), tokens);
  return totals.attention + totals.dense + totals.router + totals.norms + totals.head +
         totals.experts * expert_share(model, distinct) + kv_read_bytes(model, context, kv_type);
}

double flops_per_token(const ModelSpec& model, int n_experts, std::int64_t context, bool with_head) {
  const Totals totals = sum(model, [](const TensorSpec& tensor) {
    return tensor.rows() > 1 ? tensor.k() * tensor.rows() : 0;  // vectors multiply nothing worth counting
  });
  double products = totals.attention + totals.dense + totals.router +
                    totals.experts * expert_share(model, used_experts(model, n_experts)) +
                    (with_head ? totals.head : 0);
  for (const LayerSpec& layer : model.layers) {
    products +=
        static_cast<double>(visible(layer, context)) * layer.n_head * (layer.key_length + layer.value_length);
  }
  return 2 * products;
}

double kv_bytes_per_element(KvType type) {
  switch (type) {
    case KvType::f16:
    case KvType::bf16:
      return 2;
    case KvType::f32:
      return 4;
    case KvType::q8_0:
      return 34.0 / 32;
    case KvType::q4_0:
      return 18.0 / 32;
  }
  return 0;
}

std::int64_t kv_bytes(const ModelSpec& model, std::int64_t context, int sequences, int extra_cells,
                      KvType kv_type) {
  double elements = 0;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    if (!owns_kv(model, i)) continue;
    const LayerSpec& layer = model.layers[i];
    const std::int64_t cells =
        layer.window > 0 ? std::min<std::int64_t>(context, layer.window + extra_cells) : context;
    elements += static_cast<double>(cells) * layer.n_head_kv * (layer.key_length + layer.value_length);
  }
  return static_cast<std::int64_t>(elements * kv_bytes_per_element(kv_type)) * sequences;
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
