// What a step of a model reads, writes and computes, counted from its tensors by what they are for.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/config.hpp"
#include "core/model.hpp"
#include "core/routing.hpp"

namespace oldiron {

/// Roles that are told apart in an account.
enum class Part : std::uint8_t {
  attention,         ///< products of the layers with keys and values
  linear_attention,  ///< and of those with a recurrent state
  dense,             ///< feed-forward weights that every token uses
  shared_expert,
  experts,
  router,
  norms,  ///< and biases, sinks, scales
  other,  ///< projections between models, per-layer embeddings
  head,
  kv,     ///< keys and values of the context
  state,  ///< of linear attention
};
inline constexpr int kParts = 11;

/// The part that a role's weights are accounted under; embedding rows and unread tensors under `norms`, with
/// nothing read.
Part part_of(Role role);

/// "experts", "shared expert", "keys and values".
std::string_view to_string(Part part);

struct PartCost {
  double read_bytes = 0;
  double written_bytes = 0;
  double flops = 0;  ///< an addition and a multiplication are one each
  bool operator==(const PartCost&) const = default;
};

/// What is asked of a step.
struct ModelStep {
  int tokens = 1;            ///< of all sequences together
  int sequences = 1;         ///< each with keys and values of its own
  int logits = 1;            ///< tokens whose logits are wanted
  std::int64_t context = 0;  ///< tokens that each sequence already has
  int n_experts = 0;         ///< 0: the model's own number
  KvType kv_type = KvType::f16;
  Routing routing = {};
};

ModelStep decode_step(std::int64_t context, const Config& config);

/// One ubatch of a prompt: `tokens` tokens, no logits.
ModelStep prefill_step(int tokens, std::int64_t context, const Config& config);

/// A token and n - 1 drafts after it, logits of each.
ModelStep verify_step(int tokens, std::int64_t context, const Config& config, Routing routing);

/// One token of each of n sequences, each with `context` of its own.
ModelStep batch_step(int sequences, std::int64_t context, const Config& config, Routing routing);

struct StepCost {
  std::array<PartCost, kParts> parts = {};
  double distinct_experts = 0;  ///< mean per layer with experts

  const PartCost& operator[](Part part) const { return parts[static_cast<std::size_t>(part)]; }

  PartCost& operator[](Part part) { return parts[static_cast<std::size_t>(part)]; }

  /// What passes through the memory: reads, and what linear attention writes back. New keys and values, below
  /// 0.02 % of a token, are not in it.
  double bytes() const;
  double flops() const;
};

/// Weights are read once, experts by their union, keys and values once per sequence with windows respected;
/// flops are those of all tokens. Left out, being below 0.001 % of a token: embedding rows and the experts'
/// scales.
StepCost step_cost(const ModelSpec& model, const ModelStep& step);

/// Bytes read to decode one token at depth `context`.
struct BytesPerToken {
  double always_on = 0;  ///< attention, dense, router, norms: every weight but the head's and the experts'
  double head = 0;
  double experts = 0;  ///< n_experts of them, all layers
  double kv = 0;
  double state = 0;                                        ///< of linear attention, read and written
  double attention = 0, dense = 0, router = 0, norms = 0;  ///< parts of always_on

  double total() const { return always_on + head + experts + kv + state; }

  bool operator==(const BytesPerToken&) const = default;
};

/// n_experts 0: the model's own number.
BytesPerToken bytes_per_token(const ModelSpec& model, int n_experts, std::int64_t context, KvType kv_type);

/// Additions and multiplications of one token; the head counted if `with_head`.
double flops_per_token(const ModelSpec& model, int n_experts, std::int64_t context, bool with_head);

double kv_bytes_per_element(KvType type);

/// Per layer: false where it keeps no keys and values of its own, since it reads another's or has a recurrent
/// state.
std::vector<bool> kv_owners(const ModelSpec& model);

/// Bytes of one token's keys and values in one layer that has its own.
double kv_cell_bytes(const LayerSpec& layer, KvType kv_type);

/// KV bytes our engine allocates: full layers `context` cells, sliding layers min(context, window + extra)
/// cells.
std::int64_t kv_bytes(const ModelSpec& model, std::int64_t context, int sequences, int extra_cells,
                      KvType kv_type);

/// Bytes of the states of linear attention.
std::int64_t state_bytes(const ModelSpec& model, int sequences);

}  // namespace oldiron
