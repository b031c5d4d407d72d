// MemoryPlan: what an engine needs in memory for a model at a context and a number of users. Every engine allocates keys and
// values by rules of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "core/config.hpp"
#include "core/model.hpp"

namespace oldiron {

struct MemoryRequest {
  Engine engine = Engine::oldiron;
  std::int64_t context = 4096;  ///< tokens of each sequence; engines are given context x parallel
  int parallel = 1;             ///< sequences at the same time
  int ubatch = 512;
  KvType kv_type = KvType::f16;
  bool repack = false;  ///< of ik_llama.cpp: -rtr, which maps no file, so that a tied head lies there twice
};

struct MemoryPlan {
  std::int64_t weights = 0;
  std::int64_t kv = 0;
  std::int64_t state = 0;        ///< of linear attention
  std::int64_t activations = 0;  ///< of the widest layer, for one ubatch
  std::int64_t masks = 0;        ///< which cells each token of a ubatch sees, two bytes each; ours needs none
  std::int64_t logits = 0;       ///< what the engine sets aside for them
  std::int64_t compute = 0;      ///< of these, as the engine's buffer holds them

  std::int64_t total() const { return weights + kv + state + compute; }

  bool operator==(const MemoryPlan&) const = default;
};

/// Cells of keys and values per layer: 0 where a layer keeps none.
///
/// llama.cpp: full layers the context rounded up to 256, sliding ones min(that, window + ubatch) rounded up to 256,
/// both per sequence (kv_unified off). ik_llama.cpp: every layer context x parallel rounded up to 256, windows or
/// not (--swa-compress is off by default). Ours: full layers the context, sliding ones min(context, window +
/// ubatch), per sequence.
/// Source: llama.cpp 3f545bec src/llama-kv-cache-iswa.cpp and src/llama-context.cpp; ik_llama.cpp 8337e4cd
/// src/llama.cpp llama_kv_cache_init.
std::vector<std::int64_t> kv_cells(const ModelSpec& model, const MemoryRequest& request);

/// Computed, with flash attention as all three have it by default. Weights count once in memory: a mapped file's
/// pages are the weights. Not counted: the program itself and, beside repacked weights, the file's pages in the
/// page cache, which the system takes back when it needs them. Keys, values and states are to the byte what both
/// foreign engines log; their compute buffers are estimates, within 25 % of the logs of six small models.
MemoryPlan memory_plan(const ModelSpec& model, const MemoryRequest& request);

/// The largest multiple of 256 tokens per sequence that fits into `usable_bytes`, at most the model's own
/// context; 0: not even 256.
std::int64_t largest_context(const ModelSpec& model, MemoryRequest request, std::int64_t usable_bytes);

}  // namespace oldiron
