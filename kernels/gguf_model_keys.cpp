// The keys of a GGUF file that say what a model is.
#include "kernels/gguf_model_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace oldiron {

namespace {

/// llama_ftype of the type that holds most bytes; engines print it and read every tensor's own type.
int file_type(const ModelSpec& model) {
  static const std::map<TensorType, int> kFileTypes = {
      {TensorType::f32, 0},     {TensorType::f16, 1},    {TensorType::q4_0, 2},  {TensorType::q4_1, 3},
      {TensorType::q8_0, 7},    {TensorType::q5_0, 8},   {TensorType::q5_1, 9},  {TensorType::q2_k, 10},
      {TensorType::q3_k, 12},   {TensorType::q4_k, 15},  {TensorType::q5_k, 17}, {TensorType::q6_k, 18},
      {TensorType::iq4_nl, 25}, {TensorType::iq4_xs, 30}, {TensorType::iq1_m, 31}, {TensorType::bf16, 32},
      {TensorType::mxfp4, 38}};
  std::map<TensorType, std::int64_t> bytes;
  for (const TensorSpec& tensor : model.tensors) bytes[tensor.type] += tensor.bytes();
  const auto most = std::max_element(bytes.begin(), bytes.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto found = most == bytes.end() ? kFileTypes.end() : kFileTypes.find(most->first);
  return found == kFileTypes.end() ? 0 : found->second;
}

/// ne[d] of the first tensor of this name in any layer; 0 if there is none.
std::int64_t dimension(const ModelSpec& model, std::string_view name, std::size_t d) {
  for (const TensorSpec& tensor : model.tensors) {
    const std::string_view full = tensor.name;
    if (full == name || (full.starts_with("blk.") && full.ends_with(fmt::format(".{}", name)))) return tensor.ne[d];
  }
  return 0;
}

/// Of layers with attention the first that is sliding, or is not; if there is none, another stands in.
const LayerSpec& layer_like(const ModelSpec& model, bool sliding) {
  const LayerSpec* other = &model.layers.front();
  for (const LayerSpec& layer : model.layers) {
    if (layer.n_head == 0) continue;
    if (layer.sliding == sliding) return layer;
    if (other->n_head == 0) other = &layer;
  }
  return *other;
}

/// Later layers that read the keys and values of earlier ones, or of another model: their own are missing or unread.
int shared_kv_layers(const ModelSpec& model) {
  int n = 0;
  for (int i = 0; i < model.block_count; ++i) {
    const TensorSpec* key = model.find(fmt::format("blk.{}.attn_k.weight", i));
    if (key == nullptr || key->role == Role::unused) ++n;
  }
  return n;
}

class ModelKeys {
 public:
  ModelKeys(const ModelSpec& model, HeaderWriter& out) : model_(model), out_(out) {}

  void put() {
    put_general();
    put_attention();
    if (full_.sliding || sliding_.sliding) out_.u32(key("attention.sliding_window"), sliding_.window);
    if (model_.architecture.starts_with("gemma4")) put_gemma4();
    if (model_.expert_count > 0) put_experts();
    if (model_.find("nextn.post_projection.weight") != nullptr) put_drafter();
    if (dimension(model_, "ssm_conv1d.weight", 0) > 0) put_linear_attention();
  }

 private:
  std::string key(std::string_view name) const { return fmt::format("{}.{}", model_.architecture, name); }

  void put_general() {
    out_.text("general.architecture", model_.architecture);
    out_.text("general.type", "model");
    out_.text("general.name", model_.id);
    out_.u32("general.quantization_version", 2);
    out_.u32("general.file_type", file_type(model_));
    out_.u32(key("block_count"), model_.block_count);
    out_.u32(key("context_length"), model_.context_length);
    out_.u32(key("embedding_length"), model_.embedding_length);
    if (model_.feed_forward_length > 0) out_.u32(key("feed_forward_length"), model_.feed_forward_length);
    out_.u32(key("vocab_size"), model_.vocab_size);
    out_.f32(key("attention.layer_norm_rms_epsilon"), model_.norm_eps);
  }

  void put_attention() {
    out_.u32(key("attention.head_count"), full_.n_head);
    std::vector<int> kv_heads;
    for (const LayerSpec& layer : model_.layers) {
      if (layer.n_head > 0) kv_heads.push_back(layer.n_head_kv);
    }
    const bool alike = std::adjacent_find(kv_heads.begin(), kv_heads.end(), std::not_equal_to<>()) == kv_heads.end();
    if (alike) {
      out_.u32(key("attention.head_count_kv"), full_.n_head_kv);
    } else {
      out_.i32_array(key("attention.head_count_kv"), kv_heads);
    }
    out_.u32(key("attention.key_length"), full_.key_length);
    out_.u32(key("attention.value_length"), full_.value_length);
    out_.f32(key("rope.freq_base"), full_.rope_freq_base);
    out_.u32(key("rope.dimension_count"), full_.rope_dimension_count);
    const RopeScaling& scaling = model_.rope_scaling;
    if (scaling.factor == 1) return;
    out_.text(key("rope.scaling.type"), scaling.yarn ? "yarn" : "linear");
    out_.f32(key("rope.scaling.factor"), scaling.factor);
    if (scaling.yarn) out_.u32(key("rope.scaling.original_context_length"), scaling.original_context_length);
  }

  void put_gemma4() {
    std::vector<int> pattern;
    for (const LayerSpec& layer : model_.layers) pattern.push_back(layer.sliding ? 1 : 0);
    out_.bool_array(key("attention.sliding_window_pattern"), pattern);
    out_.u32(key("attention.key_length_swa"), sliding_.key_length);
    out_.u32(key("attention.value_length_swa"), sliding_.value_length);
    out_.u32(key("attention.shared_kv_layers"), shared_kv_layers(model_));
    out_.u32(key("embedding_length_per_layer_input"), dimension(model_, "per_layer_proj_norm.weight", 0));
    out_.f32(key("rope.freq_base_swa"), sliding_.rope_freq_base);
    out_.u32(key("rope.dimension_count_swa"), sliding_.rope_dimension_count);
    if (model_.final_logit_softcap > 0) out_.f32(key("final_logit_softcapping"), model_.final_logit_softcap);
  }

  void put_experts() {
    out_.u32(key("expert_count"), model_.expert_count);
    out_.u32(key("expert_used_count"), model_.expert_used_count);
    out_.u32(key("expert_feed_forward_length"), model_.expert_feed_forward_length);
    const std::int64_t shared = dimension(model_, "ffn_gate_shexp.weight", 1);
    if (shared > 0) out_.u32(key("expert_shared_feed_forward_length"), shared);
  }

  void put_drafter() {
    out_.u32(key("embedding_length_out"), dimension(model_, "nextn.post_projection.weight", 1));
    out_.u32(key("nextn_predict_layers"), model_.block_count);
  }

  void put_linear_attention() {
    const std::int64_t inner = dimension(model_, "ssm_out.weight", 0);
    const std::int64_t state = dimension(model_, "ssm_norm.weight", 0);
    const std::int64_t queries_and_keys = dimension(model_, "ssm_conv1d.weight", 1) - inner;
    out_.u32(key("ssm.conv_kernel"), dimension(model_, "ssm_conv1d.weight", 0));
    out_.u32(key("ssm.state_size"), state);
    out_.u32(key("ssm.group_count"), queries_and_keys / 2 / state);
    out_.u32(key("ssm.time_step_rank"), dimension(model_, "ssm_a", 0));
    out_.u32(key("ssm.inner_size"), inner);
    const auto full = std::find_if(model_.layers.begin(), model_.layers.end(),
                                   [](const LayerSpec& layer) { return layer.n_head > 0; });
    out_.u32(key("full_attention_interval"), full - model_.layers.begin() + 1);
    // Time, height and width of a token take turns in the rotated pairs; of text all three are its position.
    const int pairs = full_.rope_dimension_count / 2, third = (pairs + 2) / 3;
    out_.i32_array(key("rope.dimension_sections"), {third, third, pairs - 2 * third, 0});
  }

  const ModelSpec& model_;
  HeaderWriter& out_;
  const LayerSpec& full_ = layer_like(model_, false);
  const LayerSpec& sliding_ = layer_like(model_, true);
};

}  // namespace

void put_model_keys(const ModelSpec& model, HeaderWriter& out) { ModelKeys(model, out).put(); }

}  // namespace oldiron
