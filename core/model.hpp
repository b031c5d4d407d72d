// ModelSpec: the shapes of a model, from a GGUF or a card. What a step of it moves is core/accounting.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.hpp"
#include "core/tensor_type.hpp"

namespace oldiron {

/// What a tensor is for; decides how often a token reads it.
enum class Role : std::uint8_t {
  attn,
  linattn,
  dense,
  shexp,  ///< read in full
  exps,
  exps_bias,
  exps_scale,  ///< read used / total
  router,
  norm,
  bias,
  proj,
  ple,     ///< read in full
  head,    ///< read in full once per token whose logits are wanted
  embd,    ///< one row read
  unused,  ///< in the file, never read
};

struct TensorSpec {
  std::string name = {};  ///< full GGUF name, "blk.0.attn_q.weight"
  int layer = -1;         ///< -1: global
  std::array<std::int64_t, 4> ne = {1, 1, 1,
                                    1};  ///< GGUF order: ne[0] = row length (inputs), ne[1] = rows (outputs)
  TensorType type = TensorType::f32;
  Role role = Role::norm;
  std::int64_t unknown_bytes = 0;  ///< of TensorType::unknown: the room that the file gives it

  std::int64_t k() const { return ne[0]; }

  /// All rows: ne[1] * ne[2] * ne[3]; expert e's first row is e * ne[1].
  std::int64_t rows() const { return ne[1] * ne[2] * ne[3]; }

  std::int64_t bytes() const {
    return type == TensorType::unknown ? unknown_bytes : row_bytes(type, ne[0]) * rows();
  }

  bool operator==(const TensorSpec&) const = default;
};

/// LayerSpec::kv_from of a layer that stores keys and values, and of one of a drafter, which reads those of
/// the last layer of its kind in the model that it drafts for.
inline constexpr int kOwnKv = -1;
inline constexpr int kTargetKv = -2;

struct LayerSpec {
  bool sliding = false;
  int n_head = 0;
  int n_head_kv = 0;
  int key_length = 0;         ///< per head
  int value_length = 0;       ///< per head
  int window = 0;             ///< keys visible, own position included; 0: all
  bool value_is_key = false;  ///< no V projection: V is the raw K projection
  double rope_freq_base = 10000;
  int rope_dimension_count = 0;
  bool rope_freqs = false;  ///< angles are divided by the tensor rope_freqs.weight
  /// Of a linear-attention layer: floats that a sequence keeps instead of keys and values, all of them read and
  /// written by every step. The last inputs of its convolution, and the state of its recurrence.
  std::int64_t conv_state = 0, recurrent_state = 0;
  int kv_from = kOwnKv;     ///< or the earlier layer whose keys and values it reads, storing none
  bool operator==(const LayerSpec&) const = default;
};

/// How angles are squeezed for contexts longer than those trained with: all of them by `factor`, or by YaRN
/// those of long waves only.
struct RopeScaling {
  double factor = 1;
  bool yarn = false;
  int original_context_length = 0;
  double beta_fast = 32, beta_slow = 1;  ///< turns in the original context above and below which YaRN blends
  double magnitude = 1;  ///< of cosines and sines, beside YaRN's own 1 + 0.1 ln factor
  bool operator==(const RopeScaling&) const = default;
};

struct ModelSpec {
  std::string id = {};            ///< card id, or the file's name without folder
  std::string architecture = {};  ///< general.architecture
  int block_count = 0;
  int embedding_length = 0;
  int vocab_size = 0;
  int context_length = 0;
  int feed_forward_length = 0;
  int expert_count = 0;
  int expert_used_count = 0;
  int expert_feed_forward_length = 0;
  double norm_eps = 1e-6;
  double attention_scale = 1.0;
  double embedding_scale = 1.0;
  double final_logit_softcap = 0;  ///< 0: none
  int embedding_length_per_layer_input = 0;  ///< of the embedding that every layer adds; 0: none
  int embedding_length_out = 0;  ///< of a drafter: the width of the model that it drafts for; 0: no drafter
  RopeScaling rope_scaling = {};
  bool tied_head = false;
  std::vector<LayerSpec> layers = {};
  std::vector<TensorSpec> tensors = {};  ///< in file order
  std::vector<double> rope_freqs = {};   ///< divisors, of a card; empty for a GGUF (its tensor has them)
  std::string fingerprint = {};  ///< hex, 16 digits; equal shapes, types and weights give equal fingerprints
  bool synthetic = false;        ///< weights are generated, text is meaningless
  std::vector<std::string> remarks = {};  ///< sentences on what of a file is not understood, and what still works
  std::int64_t header_bytes = 0;  ///< of a card: what its published files hold beside tensors; 0: not known

  /// nullptr if absent.
  const TensorSpec* find(std::string_view tensor_name) const;

  std::int64_t bytes() const;  ///< of all tensors
  std::int64_t n_params() const;
  bool operator==(const ModelSpec&) const = default;
};

/// The role of a GGUF tensor by its name ("blk.3.ffn_gate_up_exps.weight"); `tied_head`: token_embd is the
/// head.
Role role_of(std::string_view tensor_name, bool tied_head);

/// Points the last `n` layers at the last earlier layer of their kind; of a drafter all layers at the model that
/// it drafts for. Throws Error if there is no such layer.
void share_kv(ModelSpec& model, int n);

/// Reads a card (reference format: configs/models/*.json) with every tensor typed as `type` asks: a profile
/// of the card
/// ("Q4_K_M_mainline") or one type for all ("q4_0"). `head_type` overrides token_embd/output. Throws Error.
ModelSpec model_from_card(const std::string& card_path, std::string_view type,
                          std::string_view head_type = "");

/// Keeps the first n layers; the accounting and the generator follow.
ModelSpec cut_layers(ModelSpec model, int n_layers);

std::string_view to_string(Role role);

}  // namespace oldiron
