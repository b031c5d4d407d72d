// Sums over the tensors and layers of a model.
#include "core/accounting.hpp"

#include <algorithm>
#include <utility>

namespace oldiron {
namespace {

int used_experts(const ModelSpec& model, int n_experts) {
  return n_experts > 0 ? n_experts : model.expert_used_count;
}

std::int64_t visible(const LayerSpec& layer, std::int64_t context) {
  return layer.window > 0 ? std::min<std::int64_t>(context, layer.window) : context;
}

bool is_read(Role role) { return role != Role::embd && role != Role::unused && role != Role::exps_scale; }

bool is_expert(Role role) { return role == Role::exps || role == Role::exps_bias; }

/// Adds what the weights cost: read once however many tokens there are, multiplied once per token.
void add_weights(const ModelSpec& model, const ModelStep& step, StepCost& cost) {
  const int used = used_experts(model, step.n_experts);
  const double experts = std::max(1, model.expert_count);
  for (const TensorSpec& tensor : model.tensors) {
    if (!is_read(tensor.role)) continue;
    const bool head = tensor.role == Role::head, expert = is_expert(tensor.role);
    if (head && step.logits == 0) continue;
    PartCost& part = cost[part_of(tensor.role)];
    // Vectors multiply nothing worth counting.
    const double products = tensor.rows() > 1 ? static_cast<double>(tensor.k() * tensor.rows()) : 0;
    part.read_bytes +=
        static_cast<double>(tensor.bytes()) * (expert ? cost.distinct_experts / experts : 1);
    part.flops += 2 * products * (head ? step.logits : step.tokens) * (expert ? used / experts : 1);
  }
}

void add_context(const ModelSpec& model, const ModelStep& step, StepCost& cost) {
  PartCost &kv = cost[Part::kv], &state = cost[Part::state];
  const std::vector<bool> owners = kv_owners(model);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const LayerSpec& layer = model.layers[i];
    const double cell = kv_cell_bytes(layer, step.kv_type), seen = static_cast<double>(visible(layer, step.context));
    kv.read_bytes += seen * cell * step.sequences;
    if (owners[i]) kv.written_bytes += cell * step.tokens;
    kv.flops += 2 * seen * layer.n_head * (layer.key_length + layer.value_length) * step.tokens;
    const double floats = static_cast<double>(layer.conv_state + layer.recurrent_state);
    state.read_bytes += floats * sizeof(float) * step.sequences;
    state.written_bytes += floats * sizeof(float) * step.sequences;
    // Decay, the key's read-out, its correction, the query's read-out: 1 + 2 + 2 + 2 a number and token.
    state.flops += 7.0 * static_cast<double>(layer.recurrent_state) * step.tokens;
  }
}

}  // namespace

Part part_of(Role role) {
  switch (role) {
    case Role::attn:
      return Part::attention;
    case Role::linattn:
      return Part::linear_attention;
    case Role::dense:
      return Part::dense;
    case Role::shexp:
      return Part::shared_expert;
    case Role::exps:
    case Role::exps_bias:
    case Role::exps_scale:
      return Part::experts;
    case Role::router:
      return Part::router;
    case Role::proj:
    case Role::ple:
      return Part::other;
    case Role::head:
      return Part::head;
    case Role::norm:
    case Role::bias:
    case Role::embd:
    case Role::unused:
      return Part::norms;
  }
  return Part::norms;
}

std::string_view to_string(Part part) {
  constexpr std::string_view kNames[kParts] = {
      "attention", "linear attention", "dense", "shared expert", "experts",        "router",
      "norms",     "other",            "head",  "keys and values", "linear state"};
  return kNames[static_cast<std::size_t>(part)];
}

ModelStep decode_step(std::int64_t context, const Config& config) {
  return {.context = context, .n_experts = config.n_experts, .kv_type = config.kv_type};
}

ModelStep prefill_step(int tokens, std::int64_t context, const Config& config) {
  ModelStep step = decode_step(context, config);
  step.tokens = tokens;
  step.logits = 0;
  return step;
}

ModelStep verify_step(int tokens, std::int64_t context, const Config& config, Routing routing) {
  ModelStep step = decode_step(context, config);
  step.tokens = step.logits = tokens;
  step.routing = std::move(routing);
  return step;
}

ModelStep batch_step(int sequences, std::int64_t context, const Config& config, Routing routing) {
  ModelStep step = verify_step(sequences, context, config, std::move(routing));
  step.sequences = sequences;
  return step;
}

double StepCost::bytes() const {
  double total = (*this)[Part::state].written_bytes;
  for (const PartCost& part : parts) total += part.read_bytes;
  return total;
}

double StepCost::flops() const {
  double total = 0;
  for (const PartCost& part : parts) total += part.flops;
  return total;
}

StepCost step_cost(const ModelSpec& model, const ModelStep& step) {
  StepCost cost;
  cost.distinct_experts =
      distinct_experts(step.routing, model.expert_count, used_experts(model, step.n_experts), step.tokens);
  add_weights(model, step, cost);
  add_context(model, step, cost);
  return cost;
}

BytesPerToken bytes_per_token(const ModelSpec& model, int n_experts, std::int64_t context, KvType kv_type) {
  const StepCost cost = step_cost(model, {.context = context, .n_experts = n_experts, .kv_type = kv_type});
  const auto read = [&](Part part) { return cost[part].read_bytes; };
  BytesPerToken bytes{.head = read(Part::head),
                      .experts = read(Part::experts),
                      .kv = read(Part::kv),
                      .state = read(Part::state) + cost[Part::state].written_bytes,
                      .attention = read(Part::attention) + read(Part::linear_attention),
                      .dense = read(Part::dense) + read(Part::shared_expert) + read(Part::other),
                      .router = read(Part::router),
                      .norms = read(Part::norms)};
  bytes.always_on = bytes.attention + bytes.dense + bytes.router + bytes.norms;
  return bytes;
}

double flops_per_token(const ModelSpec& model, int n_experts, std::int64_t context, bool with_head) {
  return step_cost(model, {.logits = with_head ? 1 : 0, .context = context, .n_experts = n_experts}).flops();
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

std::vector<bool> kv_owners(const ModelSpec& model) {
  std::vector<bool> owners(model.layers.size(), false);
  // Layers that read another's cache have no K tensor, or one that is never read.
  for (const TensorSpec& tensor : model.tensors) {
    const auto layer = static_cast<std::size_t>(tensor.layer);
    if (tensor.layer < 0 || layer >= owners.size() || tensor.role == Role::unused) continue;
    if (model.layers[layer].n_head_kv == 0) continue;
    for (const char* key : {".attn_k.weight", ".attn_qkv.weight", ".attn_kv_a_mqa.weight"})
      if (tensor.name.ends_with(key)) owners[layer] = true;
  }
  return owners;
}

double kv_cell_bytes(const LayerSpec& layer, KvType kv_type) {
  return static_cast<double>(layer.n_head_kv) * (layer.key_length + layer.value_length) *
         kv_bytes_per_element(kv_type);
}

std::int64_t kv_bytes(const ModelSpec& model, std::int64_t context, int sequences, int extra_cells,
                      KvType kv_type) {
  double bytes = 0;
  const std::vector<bool> owners = kv_owners(model);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    if (!owners[i]) continue;
    const LayerSpec& layer = model.layers[i];
    const std::int64_t cells =
        layer.window > 0 ? std::min<std::int64_t>(context, layer.window + extra_cells) : context;
    bytes += static_cast<double>(cells) * kv_cell_bytes(layer, kv_type);
  }
  return static_cast<std::int64_t>(bytes) * sequences;
}

std::int64_t state_bytes(const ModelSpec& model, int sequences) {
  std::int64_t floats = 0;
  for (const LayerSpec& layer : model.layers) floats += layer.conv_state + layer.recurrent_state;
  return floats * static_cast<std::int64_t>(sizeof(float)) * sequences;
}

}  // namespace oldiron
