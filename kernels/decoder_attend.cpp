// Attention proper of a layer, as one rank runs it: what the plan gives it, chunk by chunk.
#include <algorithm>
#include <cmath>

#include "kernels/decoder_impl.hpp"

namespace oldiron {

namespace {

/// Sizes and strides of one layer's queries and results.
struct AttentionShape {
  AttentionShape(const LayerSpec& spec, int keys_seen)
      : group(spec.n_head / spec.n_head_kv),
        heads(spec.n_head),
        head_dim(spec.value_length),
        window(keys_seen) {}

  std::int64_t group, heads, head_dim;
  int window;

  std::int64_t stride() const { return heads * head_dim; }

  /// First query of an item's token, counted through the step.
  std::int64_t query(const AttentionItem& item, std::int64_t token) const {
    return (item.first + token) * heads + item.head_kv * group;
  }
};

}  // namespace

void Partials::resize(std::int64_t queries, std::int64_t head_dim) {
  const auto n = static_cast<std::size_t>(queries);
  if (max.size() < n) max.resize(n);
  if (sum.size() < n) sum.resize(n);
  const std::size_t floats = n * static_cast<std::size_t>(head_dim);
  if (acc.size() < floats) acc.resize(floats);
}

/// Attention over one chunk for the tokens that see it; partial results go to `into` from query `first` (that
/// of the item's first token) on.
void Decoder::Impl::attend_chunk(int layer, const AttentionItem& item, std::int64_t chunk, Partials& into,
                                 std::int64_t first, float* acc, std::int64_t acc_stride) {
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const AttentionShape shape(spec, window(spec));
  KvCache& from = kv(layer);
  const int from_layer = kv_layer(layer);
  const Range seen = item.tokens_of(chunk, shape.window);
  const int sequence = tokens[static_cast<std::size_t>(item.first)].sequence;
  const std::int64_t at = first + seen.begin * shape.group;
  kernels.attention({.q = q.data() + shape.query(item, seen.begin) * spec.key_length,
                     .heads = shape.group,
                     .head_dim = spec.key_length,
                     .kv_type = from.type(),
                     .k = from.keys(from_layer, sequence, item.head_kv),
                     .v = from.values(from_layer, sequence, item.head_kv),
                     .cells = from.cells(from_layer),
                     .begin = std::max(item.begin(seen.begin, shape.window), chunk * kAttentionChunk),
                     .end = std::min(item.position + seen.end, (chunk + 1) * kAttentionChunk),
                     .scale = static_cast<float>(model.attention_scale),
                     .acc = acc + seen.begin * acc_stride,
                     .max = into.max.data() + at,
                     .sum = into.sum.data() + at,
                     .tokens = seen.end - seen.begin,
                     .q_stride = shape.heads * spec.key_length,
                     .acc_stride = acc_stride,
                     .state_stride = shape.group,
                     .position = item.position + seen.begin,
                     .window = shape.window});
}

/// Adds `heads` queries of a chunk to what the chunks before it gave; the first chunk is taken as it is.
void Decoder::Impl::merge(const Partials& from, std::int64_t from_query, bool is_first, std::int64_t heads,
                          std::int64_t head_dim, float* acc, float* max, float* sum) const {
  const float* from_acc = from.acc.data() + from_query * head_dim;
  const float* from_max = from.max.data() + from_query;
  const float* from_sum = from.sum.data() + from_query;
  if (!is_first) return kernels.merge_chunk(from_acc, from_max, from_sum, heads, head_dim, acc, max, sum);
  std::copy_n(from_acc, heads * head_dim, acc);
  std::copy_n(from_max, heads, max);
  std::copy_n(from_sum, heads, sum);
}

/// What a query's sum of values is divided by: a sink takes its share of the weights and adds no value.
float Decoder::Impl::weight_sum(int layer, std::int64_t head, float max, float sum) const {
  const float* sinks = layers[static_cast<std::size_t>(layer)].sinks;
  return sinks == nullptr ? sum : sum + std::exp(sinks[head] - max);
}

void Decoder::Impl::attend_item(const Lane& lane, int layer, const AttentionItem& item) {
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const AttentionShape shape(spec, window(spec));
  AttentionScratch& own = attention_scratch[static_cast<std::size_t>(lane.rank)];
  own.chunk.resize(item.count * shape.group, shape.head_dim);
  own.state.resize(item.count * shape.group, 0);
  float* out = o.data() + shape.query(item, 0) * shape.head_dim;
  for (std::int64_t chunk = item.chunks.begin; chunk < item.chunks.end; ++chunk) {
    const Range seen = item.tokens_of(chunk, shape.window);
    const auto is_first = [&](std::int64_t token) {
      return item.chunks_of(token, shape.window).begin == chunk;
    };
    if (is_first(seen.begin)) {  // then it is the first chunk of the later tokens, too
      attend_chunk(layer, item, chunk, own.state, 0, out, shape.stride());
      continue;
    }
    attend_chunk(layer, item, chunk, own.chunk, 0, own.chunk.acc.data(), shape.group * shape.head_dim);
    for (std::int64_t t = seen.begin; t < seen.end; ++t)
      merge(own.chunk, t * shape.group, is_first(t), shape.group, shape.head_dim, out + t * shape.stride(),
            own.state.max.data() + t * shape.group, own.state.sum.data() + t * shape.group);
  }
  for (std::int64_t t = 0; t < item.count; ++t) {
    for (std::int64_t h = 0; h < shape.group; ++h) {
      const auto at = static_cast<std::size_t>(t * shape.group + h);
      const float sum = weight_sum(layer, item.head_kv * shape.group + h, own.state.max[at], own.state.sum[at]);
      kernels.scale(out + t * shape.stride() + h * shape.head_dim, 1 / sum, shape.head_dim);
    }
  }
}

void Decoder::Impl::attend_part(const Lane& lane, int layer, const AttentionItem& item, Range units) {
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const AttentionShape shape(spec, window(spec));
  AttentionScratch& own = attention_scratch[static_cast<std::size_t>(lane.rank)];
  for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
    const std::int64_t slot = own.plan.slot(item, unit) * own.plan.tile_tokens * shape.group;
    own.cut.resize(slot + item.count * shape.group, shape.head_dim);
    attend_chunk(layer, item, item.chunks.begin + unit - item.first_unit, own.cut, slot,
                 own.cut.acc.data() + slot * shape.head_dim, shape.group * shape.head_dim);
  }
}

/// One query of an item whose chunks lie with several ranks.
void Decoder::Impl::merge_cut(const Lane& lane, int layer, const AttentionItem& item, std::int64_t token,
                              std::int64_t query_head) {
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const AttentionShape shape(spec, window(spec));
  const AttentionPlan& plan = attention_scratch[static_cast<std::size_t>(lane.rank)].plan;
  float* out = o.data() + (shape.query(item, token) + query_head) * shape.head_dim;
  const Range chunks = item.chunks_of(token, shape.window);
  float max = 0, sum = 0;
  for (std::int64_t chunk = chunks.begin; chunk < chunks.end; ++chunk) {
    const std::int64_t unit = item.first_unit + chunk - item.chunks.begin;
    const Partials& from = attention_scratch[static_cast<std::size_t>(plan.rank_of(unit))].cut;
    const std::int64_t query = (plan.slot(item, unit) * plan.tile_tokens + token) * shape.group + query_head;
    merge(from, query, chunk == chunks.begin, 1, shape.head_dim, out, &max, &sum);
  }
  sum = weight_sum(layer, item.head_kv * shape.group + query_head, max, sum);
  kernels.scale(out, 1 / sum, shape.head_dim);
}

void Decoder::Impl::attend(const Lane& lane, int layer) {
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const AttentionShape shape(spec, window(spec));
  const std::int64_t heads_kv = spec.n_head_kv;
  const auto prepare = [&](std::int64_t token, std::int64_t head_kv) {
    if (spec.kv_from == kOwnKv) store_keys_values(lane, layer, token, static_cast<int>(head_kv));
    prepare_queries(lane, layer, token, static_cast<int>(head_kv));
  };
  if (heads_kv % lane.active ==
      0) {  // the plan gives whole KV heads to a rank: what it stores, only it reads
    const Range own = share(heads_kv, 1, lane.rank, lane.active);
    for (std::int64_t c = 0; c < n(); ++c)
      for (std::int64_t g = own.begin; g < own.end; ++g) prepare(c, g);
  } else {
    const Range own = share(n() * heads_kv, 1, lane.rank, lane.active);
    for (std::int64_t i = own.begin; i < own.end; ++i) prepare(i / heads_kv, i % heads_kv);
    team.barrier(lane.rank);
  }

  AttentionPlan& plan = attention_scratch[static_cast<std::size_t>(lane.rank)].plan;
  plan_attention(queries, spec.n_head_kv, static_cast<int>(shape.group), shape.window, lane.active, plan);
  const Range own = plan.units(lane.rank);
  std::int64_t cut_queries = 0;
  for (const AttentionItem& item : plan.items) {
    const Range units = {item.first_unit, item.first_unit + item.chunks.end - item.chunks.begin};
    if (plan.cut(item)) {
      cut_queries += item.count * shape.group;
      attend_part(lane, layer, item, {std::max(units.begin, own.begin), std::min(units.end, own.end)});
    } else if (units.begin >= own.begin && units.end <= own.end) {
      attend_item(lane, layer, item);
    }
  }
  if (cut_queries == 0) return;
  team.barrier(lane.rank);
  const Range part = share(cut_queries, 1, lane.rank, lane.active);
  std::int64_t first = 0;
  for (const AttentionItem& item : plan.items) {
    if (!plan.cut(item)) continue;
    const std::int64_t end = first + item.count * shape.group;
    for (std::int64_t i = std::max(first, part.begin); i < std::min(end, part.end); ++i)
      merge_cut(lane, layer, item, (i - first) / shape.group, (i - first) % shape.group);
    first = end;
  }
}

}  // namespace oldiron
