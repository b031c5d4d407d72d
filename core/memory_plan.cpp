#include "core/memory_plan.hpp"

#include <algorithm>

#include "core/accounting.hpp"

namespace oldiron {
namespace {

constexpr std::int64_t kFloat = sizeof(float);
constexpr std::int64_t kCells = 256;  // both foreign engines round cells up to this with flash attention

std::int64_t padded(std::int64_t cells) { return (cells + kCells - 1) / kCells * kCells; }

/// The types that llama.cpp copies into another order where the CPU has AVX2 (ggml-cpu/repack.cpp).
bool llama_cpp_repacks(const TensorSpec& tensor) {
  switch (tensor.type) {
    case TensorType::q4_0:
    case TensorType::q4_k:
    case TensorType::iq4_nl:
    case TensorType::mxfp4:
      return tensor.ne[1] % 8 == 0;
    default:
      return false;
  }
}

/// A tied head is looked up by row and multiplied: where only one of the two may be in another order, or where
/// tensors are read instead of mapped, it lies in memory twice.
std::int64_t second_head(const ModelSpec& model, const MemoryRequest& request) {
  const TensorSpec* embedding = model.find("token_embd.weight");
  if (!model.tied_head || embedding == nullptr) return 0;
  if (request.engine == Engine::llama_cpp) return llama_cpp_repacks(*embedding) ? embedding->bytes() : 0;
  return request.engine == Engine::ik_llama && request.repack ? embedding->bytes() : 0;
}

/// Activations of the widest layer: the results of its experts or of its dense products, and the residual stream so
/// many times; ik_llama.cpp estimates it like this, with 2.
std::int64_t widest_layer(const ModelSpec& model, std::int64_t tokens, int streams) {
  std::vector<std::int64_t> experts(model.layers.size()), dense(experts), shared(experts);
  for (const TensorSpec& tensor : model.tensors) {
    const auto layer = static_cast<std::size_t>(tensor.layer);
    if (tensor.layer < 0 || layer >= experts.size() || !tensor.name.ends_with(".weight")) continue;
    if (tensor.role == Role::exps) experts[layer] += tensor.ne[1] * model.expert_used_count;
    if (tensor.role == Role::dense) dense[layer] += tensor.ne[1];
    if (tensor.role == Role::shexp) shared[layer] += tensor.ne[1];
  }
  std::int64_t most = 0;
  for (std::size_t i = 0; i < experts.size(); ++i) most = std::max({most, experts[i], dense[i], shared[i]});
  return (most + streams * std::int64_t{model.embedding_length}) * tokens * kFloat;
}

/// One F16 mask over the largest cache of a sequence, and one over the largest sliding one. llama.cpp gives each sequence
/// its share of a ubatch's tokens, ik_llama.cpp has one cache for all.
std::int64_t mask_bytes(const ModelSpec& model, const MemoryRequest& request, const std::vector<std::int64_t>& cells,
                        std::int64_t tokens) {
  std::int64_t most[2] = {};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::int64_t& kind = most[model.layers[i].window > 0];
    kind = std::max(kind, cells[i]);
  }
  const std::int64_t caches = request.engine == Engine::llama_cpp ? request.parallel : 1;
  return (most[0] + most[1]) / caches * tokens * 2;
}

/// The rows of scratch that our decoder keeps per token of a step.
std::int64_t own_activations(const ModelSpec& model, std::int64_t tokens) {
  const std::int64_t floats = 12 * std::int64_t{model.embedding_length} + 4 * std::int64_t{model.feed_forward_length} +
                              2 * std::int64_t{model.expert_used_count} * model.expert_feed_forward_length;
  return floats * tokens * kFloat;
}

}  // namespace

std::vector<std::int64_t> kv_cells(const ModelSpec& model, const MemoryRequest& request) {
  std::vector<std::int64_t> cells(model.layers.size());
  const std::vector<bool> owners = kv_owners(model);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!owners[i]) continue;
    const std::int64_t window = model.layers[i].window, step = request.ubatch;
    switch (request.engine) {
      case Engine::llama_cpp: {
        const std::int64_t full = padded(request.context);
        cells[i] = (window > 0 ? padded(std::min(full, window + step)) : full) * request.parallel;
        break;
      }
      case Engine::ik_llama:
        cells[i] = padded(request.context * request.parallel);
        break;
      case Engine::oldiron:
        cells[i] = (window > 0 ? std::min(request.context, window + step) : request.context) * request.parallel;
        break;
    }
  }
  return cells;
}

MemoryPlan memory_plan(const ModelSpec& model, const MemoryRequest& request) {
  MemoryPlan plan{.weights = model.bytes() + second_head(model, request),
                  .state = state_bytes(model, request.parallel)};
  const std::vector<std::int64_t> cells = kv_cells(model, request);
  double kv = 0;
  for (std::size_t i = 0; i < cells.size(); ++i)
    kv += static_cast<double>(cells[i]) * kv_cell_bytes(model.layers[i], request.kv_type);
  plan.kv = static_cast<std::int64_t>(kv);
  const std::int64_t tokens = std::min<std::int64_t>(request.ubatch, request.context * request.parallel);
  const std::int64_t row = std::int64_t{model.vocab_size} * kFloat;
  switch (request.engine) {
    case Engine::ik_llama:  // one buffer, in which the logits of a whole ubatch take the place of a layer's results
      plan.activations = widest_layer(model, tokens, 2);
      plan.masks = mask_bytes(model, request, cells, tokens);
      plan.logits = row * tokens;  // and again where they are capped, beside the rows that they come from
      plan.compute = std::max(plan.activations + plan.masks,
                              plan.logits * (model.final_logit_softcap > 0 ? 2 : 1) + model.embedding_length * tokens * kFloat);
      break;
    case Engine::llama_cpp:
      plan.activations = widest_layer(model, tokens, 4);
      plan.masks = mask_bytes(model, request, cells, tokens);
      plan.logits = row * request.parallel;
      plan.compute = plan.activations + plan.masks + plan.logits;
      break;
    case Engine::oldiron:
      plan.activations = own_activations(model, tokens);
      plan.logits = row * request.parallel;
      plan.compute = plan.activations + plan.logits;
      break;
  }
  return plan;
}

std::int64_t largest_context(const ModelSpec& model, MemoryRequest request, std::int64_t usable_bytes) {
  const auto fits = [&](std::int64_t blocks) {
    request.context = blocks * kCells;
    return memory_plan(model, request).total() <= usable_bytes;
  };
  constexpr std::int64_t kNoLimit = 1 << 22;  // no model in use was trained with more
  std::int64_t low = 0;
  std::int64_t high = (model.context_length > 0 ? model.context_length : kNoLimit) / kCells;
  if (!fits(1)) return 0;
  while (low < high) {
    const std::int64_t middle = (low + high + 1) / 2;
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low * kCells;
}

}  // namespace oldiron
