// KV storage: per layer, sequence and KV head a row of cells; sliding layers keep a ring with room for
// rejected drafts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/buffer.hpp"
#include "core/model.hpp"
#include "core/team.hpp"

namespace oldiron {

/// Head-major: the cells of one (layer, sequence, KV head) are consecutive, so that attention streams.
class KvCache {
 public:
  /// Layers that read the keys of others get none. Sliding layers get min(context, window + step_tokens) cells: a step of step_tokens, or a rewind by as
  /// many, never overwrites a key that a later token still sees. Errors: Buffer's; throws Error if a head is
  /// no multiple of the type's block.
  KvCache(const ModelSpec& model, int sequences, int context, int step_tokens, TensorType type,
          PageSize page_size);

  TensorType type() const { return type_; }

  std::int64_t cells(int layer) const { return layers_[static_cast<std::size_t>(layer)].cells; }

  /// First cell of a head; position p lies at cell p % cells(layer).
  std::byte* keys(int layer, int sequence, int head_kv);
  std::byte* values(int layer, int sequence, int head_kv);

  /// How far a sequence that reaches `end` may be rewound without losing keys; context if nothing wraps.
  std::int64_t rewind_room(std::int64_t end) const;

  /// Touches all pages, spread evenly over the ranks, and gets them huge if that was asked for.
  void touch(Team& team);

  std::int64_t huge_page_bytes() const { return buffer_.huge_page_bytes(); }

  std::int64_t bytes() const { return static_cast<std::int64_t>(buffer_.size()); }

 private:
  struct Layer {
    std::int64_t cells = 0, key_bytes = 0, value_bytes = 0;  ///< bytes per cell and head
    std::int64_t keys_offset = 0, values_offset = 0;
    int heads = 0;
  };

  TensorType type_;
  std::int64_t smallest_slack_ = 0;  ///< min over wrapping layers of cells - window + 1
  std::int64_t smallest_cells_ = 0;
  std::vector<Layer> layers_;
  Buffer buffer_;
};

}  // namespace oldiron
