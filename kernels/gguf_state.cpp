#include "kernels/gguf_state.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oldiron {

void read_states(const GgufKeys& keys, ModelSpec& model) {
  if (!keys.has("ssm.state_size")) return;
  const std::int64_t state = keys.integer("ssm.state_size"), inner = keys.integer("ssm.inner_size", 0);
  const std::int64_t groups = keys.integer("ssm.group_count", 0), kernel = keys.integer("ssm.conv_kernel", 1);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    if (model.find(fmt::format("blk.{}.ssm_out.weight", i)) == nullptr) continue;
    LayerSpec& layer = model.layers[i];
    layer.conv_state = std::max<std::int64_t>(0, kernel - 1) * (inner + 2 * groups * state);
    layer.recurrent_state = state * inner;
    if (model.find(fmt::format("blk.{}.attn_k.weight", i)) != nullptr) continue;
    layer.n_head = layer.n_head_kv = layer.key_length = layer.value_length = layer.rope_dimension_count = 0;
  }
}

}  // namespace oldiron
