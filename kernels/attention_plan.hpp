// Who computes which chunk of a step's attention: tiles of tokens, cut into chunks, shared out by what they
// cost.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/team.hpp"
#include "kernels/decoder.hpp"

namespace oldiron {

/// Tokens [first, first + count) of a step for one KV head: one sequence, consecutive positions.
struct AttentionItem {
  int head_kv = 0;
  std::int64_t first = 0, count = 0;
  std::int64_t position = 0;    ///< of the first token
  Range chunks;                 ///< seen by any of them
  std::int64_t first_unit = 0;  ///< of chunks.begin, counted through the step

  /// The position of a token's first visible key; `token` counts from `first`.
  std::int64_t begin(std::int64_t token, int window) const;

  /// Chunks that a token sees.
  Range chunks_of(std::int64_t token, int window) const;

  /// Tokens that see a chunk, counted from `first`.
  Range tokens_of(std::int64_t chunk, int window) const;
};

/// One layer's attention for a step. Units are (item, chunk), ordered by KV head, then token, then chunk; a
/// rank gets consecutive ones of about its share of (token, position) pairs. What is computed for a token
/// depends on none of it.
struct AttentionPlan {
  std::vector<AttentionItem> items;
  std::vector<std::int64_t> first_unit;  ///< of each rank, and one past the last
  std::int64_t tile_tokens = 1;          ///< of an item, at most

  Range units(int rank) const;

  int rank_of(std::int64_t unit) const;

  /// Whether its chunks go to several ranks.
  bool cut(const AttentionItem& item) const;

  /// Where a rank keeps the unit of a cut item among all such units of its own.
  std::int64_t slot(const AttentionItem& item, std::int64_t unit) const;
};

/// `group`: query heads per KV head. Overwrites `plan`, whose memory is used again.
void plan_attention(std::span<const StepToken> tokens, int heads_kv, int group, int window, int ranks,
                    AttentionPlan& plan);

}  // namespace oldiron
