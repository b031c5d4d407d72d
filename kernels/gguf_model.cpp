// Turns the header of a GGUF file into a ModelSpec: shapes, roles, types, and what the layers do.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <utility>

#include "core/check.hpp"
#include "core/text.hpp"
#include "kernels/architecture.hpp"
#include "kernels/fingerprint.hpp"
#include "kernels/gguf.hpp"
#include "kernels/gguf_keys.hpp"
#include "kernels/gguf_shapes.hpp"
#include "kernels/gguf_state.hpp"
#include "kernels/gguf_type_names.hpp"

namespace oldiron {

namespace {

int layer_of(std::string_view name) {
  int layer = -1;
  if (name.starts_with("blk.")) std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return layer;
}

std::vector<TensorSpec> tensors_of(const GgufHeader& header) {
  const bool tied_head =
      std::none_of(header.tensors.begin(), header.tensors.end(),
                   [](const GgufTensor& tensor) { return tensor.name == "output.weight"; });
  std::vector<TensorSpec> out;
  for (const GgufTensor& tensor : header.tensors) {
    TensorSpec spec;
    spec.name = tensor.name;
    spec.layer = layer_of(tensor.name);
    std::copy(tensor.ne.begin(), tensor.ne.end(), spec.ne.begin());
    const auto type = tensor_type_from_gguf(tensor.gguf_type);
    spec.type = type ? *type : TensorType::unknown;
    if (!type) spec.unknown_bytes = static_cast<std::int64_t>(tensor.bytes);
    spec.role = role_of(tensor.name, tied_head);
    out.push_back(std::move(spec));
  }
  return out;
}

/// Names the tensors of types that are not in core/tensor_types.def.
void remark_on_types(const GgufHeader& header, ModelSpec& model) {
  std::map<int, std::vector<std::string>> names;
  for (const GgufTensor& tensor : header.tensors) {
    if (!tensor_type_from_gguf(tensor.gguf_type)) names[tensor.gguf_type].push_back(tensor.name);
  }
  for (const auto& [type, tensors] : names) {
    model.remarks.push_back(
        fmt::format("{} tensors have {}, which oldiron cannot compute ({}{}): their bytes are counted, and an engine that "
                    "reads them can be tuned",
                    tensors.size(), gguf_type_name(type), tensors.front(), tensors.size() > 1 ? ", ..." : ""));
  }
}

/// Which layers see a window only: said per layer, or by the habit of the architecture.
std::vector<bool> sliding_layers(const GgufKeys& keys, int n) {
  std::vector<bool> out(static_cast<std::size_t>(n), false);
  if (keys.integer("attention.sliding_window", 0) == 0) return out;
  if (keys.has("attention.sliding_window_pattern")) {
    const std::vector<int> pattern = keys.per_layer("attention.sliding_window_pattern", n);
    std::copy(pattern.begin(), pattern.end(), out.begin());
  } else if (const Architecture* known = architecture(keys.architecture());
             known != nullptr && known->even_layers_slide) {
    for (std::size_t i = 0; i < out.size(); i += 2) out[i] = true;
  }
  return out;
}

std::vector<LayerSpec> layers_of(const GgufKeys& keys, const ModelSpec& model) {
  const int n = model.block_count;
  const std::vector<bool> sliding = sliding_layers(keys, n);
  const std::vector<int> n_head = keys.per_layer("attention.head_count", n);
  const std::vector<int> n_head_kv = keys.per_layer("attention.head_count_kv", n, n_head.front());
  const int head = n_head.front() > 0 ? model.embedding_length / n_head.front() : 0;
  const int key_length = keys.integer("attention.key_length", head);
  const int value_length = keys.integer("attention.value_length", key_length);
  const double freq_base = keys.number("rope.freq_base", 10000);
  const int n_rot = keys.integer("rope.dimension_count", key_length);
  const bool rope_freqs = model.find("rope_freqs.weight") != nullptr;
  std::vector<LayerSpec> layers(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerSpec& layer = layers[i];
    layer.sliding = sliding[i];
    layer.n_head = n_head[i];
    layer.n_head_kv = n_head_kv[i];
    layer.key_length = key_length;
    layer.value_length = value_length;
    layer.rope_freq_base = freq_base;
    layer.rope_dimension_count = n_rot;
    layer.rope_freqs = rope_freqs && !layer.sliding;
    if (layer.sliding) {
      layer.window = keys.integer("attention.sliding_window");
      layer.key_length = keys.integer("attention.key_length_swa", key_length);
      layer.value_length = keys.integer("attention.value_length_swa", value_length);
      layer.rope_freq_base = keys.number("rope.freq_base_swa", freq_base);
      layer.rope_dimension_count =
          keys.integer("rope.dimension_count_swa", n_rot == key_length ? layer.key_length : n_rot);
    }
    layer.value_is_key = model.find(fmt::format("blk.{}.attn_k.weight", i)) != nullptr &&
                         model.find(fmt::format("blk.{}.attn_v.weight", i)) == nullptr;
  }
  return layers;
}

/// Layers that read the keys and values of others may have projections of their own in the file, which nobody
/// reads.
void mark_shared_kv(ModelSpec& model) {
  for (TensorSpec& tensor : model.tensors) {
    if (tensor.layer < 0 || tensor.layer >= model.block_count) continue;
    if (model.layers[static_cast<std::size_t>(tensor.layer)].kv_from == kOwnKv) continue;
    if (tensor.name.ends_with(".attn_k.weight") || tensor.name.ends_with(".attn_v.weight"))
      tensor.role = Role::unused;
  }
}

std::string text_key(const GgufHeader& header, const std::string& key) {
  const auto found = header.keys.find(key);
  if (found == header.keys.end() || found->second.array) return {};
  const auto* text = std::get_if<std::string>(&found->second.values.front());
  return text == nullptr ? std::string() : *text;
}

RopeScaling rope_scaling_of(const GgufKeys& keys, const GgufHeader& header, const ModelSpec& model,
                            const std::string& path) {
  const std::string type = text_key(header, model.architecture + ".rope.scaling.type");
  RopeScaling scaling;
  if (type == "none") return scaling;
  if (!type.empty() && type != "linear" && type != "yarn" && architecture(model.architecture) != nullptr) {
    throw Error(fmt::format("{}: key `{}.rope.scaling.type` is {}; oldiron knows none, linear and yarn", path,
                            model.architecture, type));
  }
  scaling.yarn = type == "yarn";
  scaling.factor = keys.number("rope.scaling.factor", keys.number("rope.scale_linear", 1.0));
  if (scaling.factor == 0) scaling.factor = 1;  // as engines read it
  scaling.magnitude = keys.number("rope.scaling.attn_factor", scaling.magnitude);
  if (!scaling.yarn) return scaling;
  scaling.original_context_length =
      keys.integer("rope.scaling.original_context_length", model.context_length);
  scaling.beta_fast = keys.number("rope.scaling.yarn_beta_fast", scaling.beta_fast);
  scaling.beta_slow = keys.number("rope.scaling.yarn_beta_slow", scaling.beta_slow);
  return scaling;
}

/// Enough to know the layers and what they store.
bool describes_layers(const GgufKeys& keys, const ModelSpec& model) {
  return model.find("token_embd.weight") != nullptr && keys.has("block_count") && keys.has("embedding_length") &&
         keys.has("context_length") && keys.has("attention.head_count");
}

/// A model whose keys say nothing that is understood: tensors are counted, by layer, and nothing else.
ModelSpec counted_only(const GgufHeader& header, const std::string& path, ModelSpec model) {
  for (const TensorSpec& tensor : model.tensors) model.block_count = std::max(model.block_count, tensor.layer + 1);
  if (model.tensors.empty() || static_cast<std::size_t>(model.block_count) > model.tensors.size()) {
    throw Error(fmt::format("{}: {} layers are named and there are {} tensors; get the file again", path,
                            model.block_count, model.tensors.size()));
  }
  model.layers.resize(static_cast<std::size_t>(model.block_count));
  model.remarks.push_back(
      fmt::format("the keys of architecture {} are not understood: every tensor counts as read for each token, and no "
                  "keys and values are counted",
                  model.architecture));
  model.fingerprint = file_fingerprint(header, model);
  return model;
}

}  // namespace

ModelSpec model_from_gguf(const GgufHeader& header, const std::string& path) {
  const GgufKeys keys(header, path);
  ModelSpec model;
  model.id = std::filesystem::path(header.parts.front().path).filename().string();
  model.architecture = keys.architecture();
  static const Architecture kUnknown{};
  const Architecture* runs = architecture(model.architecture);
  const Architecture& facts = runs != nullptr ? *runs : kUnknown;
  model.tensors = tensors_of(header);
  remark_on_types(header, model);
  model.tied_head = model.find("output.weight") == nullptr;
  if (runs == nullptr && !describes_layers(keys, model)) return counted_only(header, path, std::move(model));
  const TensorSpec* embedding = model.find("token_embd.weight");
  if (embedding == nullptr)
    throw Error(fmt::format("{} has no tensor `token_embd.weight`; it holds no model", path));
  model.block_count = keys.integer("block_count");
  if (model.block_count < 1 || static_cast<std::size_t>(model.block_count) > model.tensors.size()) {
    throw Error(fmt::format("{}: {} layers are claimed and there are {} tensors; get the file again", path,
                            model.block_count, model.tensors.size()));
  }
  model.embedding_length = keys.integer("embedding_length");
  model.vocab_size = static_cast<int>(std::min<std::int64_t>(embedding->ne[1], 1 << 30));
  model.context_length = keys.integer("context_length");
  const std::vector<int> widths = keys.per_layer("feed_forward_length", model.block_count, 0);
  model.feed_forward_length = *std::max_element(widths.begin(), widths.end());
  model.expert_count = keys.integer("expert_count", 0);
  model.expert_used_count = keys.integer("expert_used_count", 0);
  model.expert_feed_forward_length = keys.integer(
      "expert_feed_forward_length", model.expert_count > 0 ? model.feed_forward_length : 0);
  if (model.expert_used_count > model.expert_count) {
    throw Error(fmt::format("{}: {} experts are used of {}; get the file again", path,
                            model.expert_used_count, model.expert_count));
  }
  model.norm_eps = keys.number("attention.layer_norm_rms_epsilon", 1e-5);
  model.final_logit_softcap = keys.number("final_logit_softcapping", 0.0);
  model.embedding_scale =
      facts.embedding_scaled ? std::sqrt(static_cast<double>(model.embedding_length)) : 1;
  model.layers = layers_of(keys, model);
  read_states(keys, model);
  int key_length = 1;  // layers of linear attention have none
  for (const LayerSpec& layer : model.layers) key_length = std::max(key_length, layer.key_length);
  model.attention_scale =
      keys.number("attention.scale", facts.attention_unscaled ? 1 : 1 / std::sqrt(static_cast<double>(key_length)));
  model.rope_scaling = rope_scaling_of(keys, header, model, path);
  model.embedding_length_per_layer_input = keys.integer("embedding_length_per_layer_input", 0);
  const int width_out = keys.integer("embedding_length_out", 0);
  if (facts.drafter) model.embedding_length_out = width_out;
  share_kv(model, keys.integer("attention.shared_kv_layers", 0));
  mark_shared_kv(model);
  if (runs != nullptr) check_shapes(model, widths, path);
  // Files that write_gguf made carry the fingerprint of their source; it counts while their tensors are the
  // same.
  const std::string source = text_key(header, "oldiron.fingerprint");
  model.synthetic = !source.empty();
  const bool unchanged = text_key(header, "oldiron.shapes") == shapes_fingerprint(model);
  model.fingerprint = model.synthetic && unchanged ? source : file_fingerprint(header, model);
  return model;
}

}  // namespace oldiron
