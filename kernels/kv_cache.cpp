#include "kernels/kv_cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace oldiron {

KvCache::KvCache(const ModelSpec& model, int sequences, int context, int step_tokens, TensorType type,
                 PageSize page_size)
    : type_(type),
      smallest_slack_(std::numeric_limits<std::int64_t>::max()),
      smallest_cells_(std::numeric_limits<std::int64_t>::max()) {
  std::int64_t offset = 0;
  for (const LayerSpec& spec : model.layers) {
    layers_.emplace_back();
    if (spec.kv_from != kOwnKv) continue;
    if (const std::int64_t block = info(type).block;
        spec.key_length % block != 0 || spec.value_length % block != 0)
      throw Error(
          fmt::format("{}: keys and values as {} come in blocks of {}, and its heads are of {} and {}; "
                      "choose kv_type=f16",
                      model.id, info(type).name, block, spec.key_length, spec.value_length));
    Layer& layer = layers_.back();
    layer.heads = spec.n_head_kv;
    layer.cells = spec.window == 0 ? context : std::min<std::int64_t>(context, spec.window + step_tokens);
    if (layer.cells < context) {
      smallest_slack_ = std::min(smallest_slack_, layer.cells - spec.window + 1);
      smallest_cells_ = std::min(smallest_cells_, layer.cells);
    }
    layer.key_bytes = row_bytes(type, spec.key_length);
    layer.value_bytes = row_bytes(type, spec.value_length);
    layer.keys_offset = offset;
    offset += layer.cells * layer.key_bytes * layer.heads * sequences;
    layer.values_offset = offset;
    offset += layer.cells * layer.value_bytes * layer.heads * sequences;
  }
  buffer_ = Buffer(static_cast<std::size_t>(offset), page_size);
}

std::byte* KvCache::keys(int layer, int sequence, int head_kv) {
  const Layer& l = layers_[static_cast<std::size_t>(layer)];
  return buffer_.data() + l.keys_offset +
         (std::int64_t{sequence} * l.heads + head_kv) * l.cells * l.key_bytes;
}

std::byte* KvCache::values(int layer, int sequence, int head_kv) {
  const Layer& l = layers_[static_cast<std::size_t>(layer)];
  return buffer_.data() + l.values_offset +
         (std::int64_t{sequence} * l.heads + head_kv) * l.cells * l.value_bytes;
}

void KvCache::touch(Team& team) {
  constexpr std::int64_t kPart = std::int64_t{2} << 20;  // a huge page belongs to one rank
  team.run(team.size(), [&](int rank, int size) {
    const Range part = share(bytes(), kPart, rank, size);
    buffer_.touch(static_cast<std::size_t>(part.begin), static_cast<std::size_t>(part.end));
  });
  buffer_.collapse();
}

std::int64_t KvCache::rewind_room(std::int64_t end) const {
  return end <= smallest_cells_ ? end : std::min(end, smallest_slack_);
}

}  // namespace oldiron
