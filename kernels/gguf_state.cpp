#include "kernels/gguf_state.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oldiron {

void read_states(const GgufKeys& keys, ModelSpec& model) {
  if (!keys.has("ssm.state_size")) return;
  // No model has more; a damaged file may say anything, and its products must stay numbers.
  const auto at_most = [&](const char* key, std::int64_t most, int fallback) {
    return std::min<std::int64_t>(keys.integer(key, fallback), most);
  };
  const std::int64_t state = at_most("ssm.state_size", 1 << 16, 0), inner = at_most("ssm.inner_size", 1 << 20, 0);
  const std::int64_t groups = at_most("ssm.group_count", 1 << 10, 0), kernel = at_most("ssm.conv_kernel", 1 << 8, 1);
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
