// What the layers of an architecture do that stands in no GGUF key: facts for the one chain of the decoder.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/model.hpp"
#include "kernels/ops/moe.hpp"

namespace oldiron {

/// Which two elements of a head are rotated together: i and i + n_rot / 2, or 2 i and 2 i + 1.
enum class RopePairs : std::uint8_t { halves, neighbours };

/// One record of architectures.cpp. All other steps of the chain are taken where their tensor is in the file: norms
/// and biases of queries and keys, sinks, norms behind a block, a dense branch, experts, per-layer embeddings.
struct Architecture {
  std::string_view name;  ///< general.architecture
  RopePairs rope_pairs = RopePairs::halves;
  Activation activation = Activation::silu;
  bool value_norm = false;         ///< values are normed, without a weight
  bool attention_unscaled = false;  ///< scores are plain dot products; else they are divided by sqrt(key_length)
  bool embedding_scaled = false;   ///< by sqrt(embedding_length)
  bool even_layers_slide = false;  ///< where a window but no pattern is given
  bool drafter = false;            ///< runs beside another model, whose keys and values it reads
  std::string_view ffn_norm = "ffn_norm.weight";  ///< before the feed-forward block
  /// Tensors that every layer must have, beside those that all layers of all architectures have.
  std::vector<std::string_view> needs = {};
  std::vector<std::string_view> experts_need = {};  ///< of layers with experts
};

/// Those that the decoder runs.
std::span<const Architecture> architectures();

/// nullptr if the decoder does not run it.
const Architecture* architecture(std::string_view name);

/// A sentence on why the decoder cannot run a model, and what can be done with it; empty if it can. Drafters run beside
/// another model only.
std::string why_not_run(const ModelSpec& model);

}  // namespace oldiron
