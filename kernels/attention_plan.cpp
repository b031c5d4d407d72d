#include "kernels/attention_plan.hpp"

#include <algorithm>

#include "kernels/ops/attention.hpp"

namespace oldiron {

std::int64_t AttentionItem::begin(std::int64_t token, int window) const {
  return window == 0 ? 0 : std::max<std::int64_t>(0, position + token + 1 - window);
}

Range AttentionItem::chunks_of(std::int64_t token, int window) const {
  return {begin(token, window) / kAttentionChunk, (position + token) / kAttentionChunk + 1};
}

Range AttentionItem::tokens_of(std::int64_t chunk, int window) const {
  const std::int64_t first_position = chunk * kAttentionChunk;
  const std::int64_t end_position = first_position + kAttentionChunk;
  const std::int64_t from = std::max<std::int64_t>(0, first_position - position);
  const std::int64_t to = window == 0 ? count : std::min(count, end_position + window - 1 - position);
  return {std::min(from, count), to};
}

Range AttentionPlan::units(int rank) const {
  const auto r = static_cast<std::size_t>(rank);
  return {first_unit[r], first_unit[r + 1]};
}

int AttentionPlan::rank_of(std::int64_t unit) const {
  return static_cast<int>(std::upper_bound(first_unit.begin(), first_unit.end(), unit) - first_unit.begin()) -
         1;
}

bool AttentionPlan::cut(const AttentionItem& item) const {
  return rank_of(item.first_unit) != rank_of(item.first_unit + item.chunks.end - item.chunks.begin - 1);
}

// A rank's units begin with the rest of a cut item, if any, and end with the beginning of another.
std::int64_t AttentionPlan::slot(const AttentionItem& item, std::int64_t unit) const {
  const std::int64_t begin = units(rank_of(unit)).begin;
  if (item.first_unit <= begin) return unit - begin;
  const auto head = std::upper_bound(items.begin(), items.end(), begin,
                                     [](std::int64_t u, const AttentionItem& i) { return u < i.first_unit; });
  const AttentionItem& first = *(head - 1);
  const std::int64_t rest =
      first.first_unit == begin ? 0 : first.first_unit + first.chunks.end - first.chunks.begin - begin;
  return rest + unit - item.first_unit;
}

namespace {

// (token, position) pairs.
std::int64_t cost(const AttentionItem& item, std::int64_t chunk, int window) {
  const Range tokens = item.tokens_of(chunk, window);
  std::int64_t pairs = 0;
  for (std::int64_t t = tokens.begin; t < tokens.end; ++t) {
    pairs += std::min(item.position + t + 1, (chunk + 1) * kAttentionChunk) -
             std::max(item.begin(t, window), chunk * kAttentionChunk);
  }
  return pairs;
}

template <class F>
void for_units(const AttentionPlan& plan, F f) {
  for (const AttentionItem& item : plan.items)
    for (std::int64_t c = item.chunks.begin; c < item.chunks.end; ++c) f(item, c);
}

}  // namespace

void plan_attention(std::span<const StepToken> tokens, int heads_kv, int group, int window, int ranks,
                    AttentionPlan& plan) {
  plan.items.clear();
  plan.first_unit.clear();
  const std::int64_t most = std::max<std::int64_t>(1, kAttentionQueries / group);
  const auto n = std::ssize(tokens);
  plan.tile_tokens = std::min<std::int64_t>(most, n);
  std::int64_t units = 0;
  for (int g = 0; g < heads_kv; ++g) {
    for (std::int64_t first = 0, count = 0; first < n; first += count) {
      const StepToken& head = tokens[static_cast<std::size_t>(first)];
      for (count = 1; count < most && first + count < n; ++count) {
        const StepToken& next = tokens[static_cast<std::size_t>(first + count)];
        if (next.sequence != head.sequence || next.position != head.position + count) break;
      }
      AttentionItem item{g, first, count, head.position, {}, units};
      item.chunks = {item.chunks_of(0, window).begin, item.chunks_of(count - 1, window).end};
      units += item.chunks.end - item.chunks.begin;
      plan.items.push_back(item);
    }
  }
  std::int64_t total = 0;
  for_units(plan, [&](const AttentionItem& item, std::int64_t c) { total += cost(item, c, window); });
  // A unit goes to the rank in whose share its middle lies.
  std::int64_t before = 0;
  std::int64_t unit = 0;
  for_units(plan, [&](const AttentionItem& item, std::int64_t c) {
    const std::int64_t own = cost(item, c, window);
    while (std::ssize(plan.first_unit) < ranks &&
           (2 * before + own) * ranks >= 2 * total * std::ssize(plan.first_unit))
      plan.first_unit.push_back(unit);
    before += own;
    ++unit;
  });
  plan.first_unit.resize(static_cast<std::size_t>(ranks) + 1, units);
}

}  // namespace oldiron
