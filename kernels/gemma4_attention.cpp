// The attention half of a gemma4 layer, as one rank runs it.
#include <algorithm>
#include <cmath>

#include "kernels/decoder_impl.hpp"

namespace oldiron {

namespace {

// Angles in double: at position 262143 a float product would be off by 1e-2 radians.
void rope_angles(const LayerSpec& layer, const float* divisors, std::int64_t position, float* cos, float* sin) {
  const int half = layer.rope_dimension_count / 2;
  for (int i = 0; i < half; ++i) {
    const double divisor = layer.rope_freqs && divisors != nullptr ? static_cast<double>(divisors[i]) : 1.0;
    const double angle = static_cast<double>(position) *
                         std::pow(layer.rope_freq_base, -2.0 * i / layer.rope_dimension_count) / divisor;
    cos[i] = static_cast<float>(std::cos(angle));
    sin[i] = static_cast<float>(std::sin(angle));
  }
}

}  // namespace

void Decoder::Impl::quantise_column(Quantised& into, std::int64_t column, const float* from) {
  if (quantise && !into.set(kernels.quantize, column, from)) finite = false;
}

void Decoder::Impl::product(const Lane& lane, int layer, LayerProduct which, const Matrix& matrix, const Activations& in,
                            float* result, std::int64_t stride) const {
  in_rows(lane, layer, which, matrix.m, [&](Range rows) {
    matrix.matmul({.type = matrix.type, .layout = matrix.layout, .w = matrix.data, .m = matrix.m, .k = matrix.k,
                   .n = n(), .row_begin = rows.begin, .row_end = rows.end, .x = in, .y = result, .y_stride = stride});
  });
}

void Decoder::Impl::embed(const Lane& lane) {
  const float* divisors = weights.vector("rope_freqs.weight");
  const auto scale = static_cast<float>(model.embedding_scale);
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    const StepToken& t = tokens[static_cast<std::size_t>(c)];
    float* x = lane.work.x.data() + c * d();
    weights.row(embedding, t.token, x);
    kernels.scale(x, scale, d());
    for (const bool sliding : {false, true}) {
      const auto layer = std::find_if(model.layers.begin(), model.layers.end(),
                                      [sliding](const LayerSpec& l) { return l.sliding == sliding; });
      if (layer == model.layers.end()) continue;
      const int half = layer->rope_dimension_count / 2;
      rope_angles(*layer, divisors, t.position, lane.work.cos[sliding].data() + c * half,
                  lane.work.sin[sliding].data() + c * half);
    }
  }
}

void Decoder::Impl::attention(const Lane& lane, int layer) {
  const LayerWeights& w = layers[static_cast<std::size_t>(layer)];
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const auto eps = static_cast<float>(model.norm_eps);
  Work& work = lane.work;

  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    kernels.rms_norm(work.x.data() + c * d(), w.attn_norm, eps, d(), work.a.data() + c * d());
    quantise_column(work.a_q, c, work.a.data() + c * d());
  }
  sync(lane);
  const Activations a = work.a_q.view(work.a.data(), d());
  product(lane, layer, kQ, w.q, a, q.data(), w.q.m);
  product(lane, layer, kK, w.k, a, k.data(), w.k.m);
  if (w.v) product(lane, layer, kV, w.v, a, v.data(), w.v.m);
  team.barrier(lane.rank);

  attend(lane, layer);
  team.barrier(lane.rank);

  const std::int64_t width = std::int64_t{spec.n_head} * spec.value_length;
  work.o_q.k = width;
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c)
    quantise_column(work.o_q, c, o.data() + c * width);
  sync(lane);
  product(lane, layer, kOutput, w.output, work.o_q.view(o.data(), width), y.data(), d());
  team.barrier(lane.rank);
}

void Decoder::Impl::store_keys_values(const Lane& lane, int layer, std::int64_t token, int head_kv) {
  const LayerWeights& w = layers[static_cast<std::size_t>(layer)];
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const auto eps = static_cast<float>(model.norm_eps);
  const StepToken& t = tokens[static_cast<std::size_t>(token)];
  const int half = spec.rope_dimension_count / 2;
  // Private angles exist for all columns, shared ones too: embed() filled them before the first barrier.
  const float* cos = lane.work.cos[spec.sliding].data() + token * half;
  const float* sin = lane.work.sin[spec.sliding].data() + token * half;
  const std::int64_t cell = t.position % cache.cells(layer);

  float* key = k.data() + (token * spec.n_head_kv + head_kv) * spec.key_length;
  float* value = spec.value_is_key ? key : v.data() + (token * spec.n_head_kv + head_kv) * spec.value_length;
  std::byte* value_cell = cache.values(layer, t.sequence, head_kv) + cell * row_bytes(cache.type(), spec.value_length);
  std::byte* key_cell = cache.keys(layer, t.sequence, head_kv) + cell * row_bytes(cache.type(), spec.key_length);

  float scratch[1024];
  CHECK(spec.value_length <= 1024, "value length");
  kernels.rms_norm(value, nullptr, eps, spec.value_length, scratch);
  kernels.store_kv(scratch, spec.value_length, cache.type(), value_cell);
  kernels.rms_norm(key, w.k_norm, eps, spec.key_length, key);
  kernels.rope(key, cos, sin, spec.rope_dimension_count);
  kernels.store_kv(key, spec.key_length, cache.type(), key_cell);

  const int group = spec.n_head / spec.n_head_kv;
  for (int i = 0; i < group; ++i) {
    float* query = q.data() + (token * spec.n_head + head_kv * group + i) * spec.key_length;
    kernels.rms_norm(query, w.q_norm, eps, spec.key_length, query);
    kernels.rope(query, cos, sin, spec.rope_dimension_count);
  }
}

Range Decoder::Impl::chunks_of(int layer, std::int64_t token) const {
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const std::int64_t position = tokens[static_cast<std::size_t>(token)].position;
  const std::int64_t first = spec.window == 0 ? 0 : std::max<std::int64_t>(0, position - spec.window + 1);
  return {first / kAttentionChunk, position / kAttentionChunk + 1};
}

void Decoder::Impl::attend_chunks(int layer, std::int64_t token, int head_kv, Range chunks, Partials& out,
                                  std::int64_t slot) {
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const StepToken& t = tokens[static_cast<std::size_t>(token)];
  const std::int64_t group = spec.n_head / spec.n_head_kv;
  const std::int64_t first = spec.window == 0 ? 0 : std::max<std::int64_t>(0, t.position - spec.window + 1);
  for (std::int64_t chunk = chunks.begin; chunk < chunks.end; ++chunk, ++slot)
    kernels.attention({.q = q.data() + (token * spec.n_head + head_kv * group) * spec.key_length,
                       .heads = group, .head_dim = spec.key_length, .kv_type = cache.type(),
                       .k = cache.keys(layer, t.sequence, head_kv), .v = cache.values(layer, t.sequence, head_kv),
                       .cells = cache.cells(layer), .begin = std::max(first, chunk * kAttentionChunk),
                       .end = std::min<std::int64_t>(t.position + 1, (chunk + 1) * kAttentionChunk),
                       .scale = static_cast<float>(model.attention_scale), .acc = out.acc.data() + slot * partial_stride,
                       .max = out.max.data() + slot * group, .sum = out.sum.data() + slot * group});
}

void Decoder::Impl::attend(const Lane& lane, int layer) {
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const std::int64_t heads_kv = spec.n_head_kv;
  const std::int64_t group = spec.n_head / heads_kv;
  const std::int64_t pairs = n() * heads_kv;

  const auto merge = [&](const Partials& from, std::int64_t slot, std::int64_t chunks, std::int64_t token, std::int64_t g) {
    for (std::int64_t h = 0; h < group; ++h)
      merge_chunks(from.acc.data() + slot * partial_stride + h * spec.value_length, from.max.data() + slot * group + h,
                   from.sum.data() + slot * group + h, chunks, partial_stride, group, spec.value_length,
                   o.data() + (token * spec.n_head + g * group + h) * spec.value_length);
  };
  const auto attend_all = [&](std::int64_t token, std::int64_t g) {
    Partials& own = partials[static_cast<std::size_t>(lane.rank)];
    const Range chunks = chunks_of(layer, token);
    attend_chunks(layer, token, static_cast<int>(g), chunks, own, 0);
    merge(own, 0, chunks.end - chunks.begin, token, g);
  };

  if (heads_kv % lane.active == 0) {  // whole KV heads per rank: what a rank stores, only it reads
    const Range own = share(heads_kv, 1, lane.rank, lane.active);
    for (std::int64_t c = 0; c < n(); ++c)
      for (std::int64_t g = own.begin; g < own.end; ++g) store_keys_values(lane, layer, c, static_cast<int>(g));
    for (std::int64_t c = 0; c < n(); ++c)
      for (std::int64_t g = own.begin; g < own.end; ++g) attend_all(c, g);
    return;
  }
  const Range own = share(pairs, 1, lane.rank, lane.active);
  for (std::int64_t i = own.begin; i < own.end; ++i)
    store_keys_values(lane, layer, i / heads_kv, static_cast<int>(i % heads_kv));
  team.barrier(lane.rank);
  if (pairs >= lane.active) {
    for (std::int64_t i = own.begin; i < own.end; ++i) attend_all(i / heads_kv, i % heads_kv);
    return;
  }
  // Fewer pairs than ranks: the chunks of each pair are shared out, and merged by one rank.
  const std::int64_t per_pair = options.max_context / kAttentionChunk + 2;
  for (std::int64_t i = 0; i < pairs; ++i) {
    const Range chunks = chunks_of(layer, i / heads_kv);
    const Range part = share(chunks.end - chunks.begin, 1, lane.rank, lane.active);
    attend_chunks(layer, i / heads_kv, static_cast<int>(i % heads_kv),
                  {chunks.begin + part.begin, chunks.begin + part.end}, split, i * per_pair + part.begin);
  }
  team.barrier(lane.rank);
  for (std::int64_t i = own.begin; i < own.end; ++i) {
    const Range chunks = chunks_of(layer, i / heads_kv);
    merge(split, i * per_pair, chunks.end - chunks.begin, i / heads_kv, i % heads_kv);
  }
}

}  // namespace oldiron
