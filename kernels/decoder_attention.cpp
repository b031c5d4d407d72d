// The attention half of a layer, as one rank runs it.
#include <algorithm>

#include "kernels/decoder_impl.hpp"

namespace oldiron {

void Decoder::Impl::quantise_column(Quantised& into, std::int64_t column, const float* from) {
  if (quantise && !into.set(kernels.quantize, column, from)) finite = false;
}

void Decoder::Impl::product(const Lane& lane, std::int64_t layer, std::int64_t which, const Matrix& matrix, const Activations& in,
                            float* result) const {
  in_rows(lane, layer, which, matrix.m, [&](Range rows) {
    matrix.matmul(MatmulArgs{.type = matrix.type, .layout = matrix.layout, .w = matrix.data, .m = matrix.m, .k = matrix.k,
                   .n = n(), .row_begin = rows.begin, .row_end = rows.end, .x = in, .y = result, .y_stride = matrix.m});
  });
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
  product(lane, layer, kQ, w.q, a, q.data());
  if (spec.kv_from == kOwnKv) {
    product(lane, layer, kK, w.k, a, k.data());
    if (w.v) product(lane, layer, kV, w.v, a, v.data());
  }
  team.barrier(lane.rank);

  attend(lane, layer);
  team.barrier(lane.rank);

  const std::int64_t width = std::int64_t{spec.n_head} * spec.value_length;
  work.o_q.k = width;
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c)
    quantise_column(work.o_q, c, o.data() + c * width);
  sync(lane);
  product(lane, layer, kOutput, w.output, work.o_q.view(o.data(), width), y.data());
  team.barrier(lane.rank);
}

// Queries and keys alike: a dot product of the two does not see in which order a head lies.
void Decoder::Impl::rotate(const Lane& lane, const LayerSpec& spec, std::int64_t token, float* head) const {
  if (facts.rope_pairs == RopePairs::neighbours) separate_pairs(head, spec.rope_dimension_count);
  // Private angles exist for all columns, shared ones too: embed() filled them before the first barrier.
  const std::int64_t at = token * (spec.rope_dimension_count / 2);
  kernels.rope(head, lane.work.cos[spec.sliding].data() + at, lane.work.sin[spec.sliding].data() + at, spec.rope_dimension_count);
}

void Decoder::Impl::store_keys_values(const Lane& lane, int layer, std::int64_t token, int head_kv) {
  const LayerWeights& w = layers[static_cast<std::size_t>(layer)];
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const auto eps = static_cast<float>(model.norm_eps);
  const StepToken& t = tokens[static_cast<std::size_t>(token)];
  const std::int64_t cell = t.position % cache.cells(layer);
  const std::int64_t length = spec.key_length;

  float* key = k.data() + (token * spec.n_head_kv + head_kv) * length;
  float* value = spec.value_is_key ? key : v.data() + (token * spec.n_head_kv + head_kv) * length;
  std::byte* value_cell = cache.values(layer, t.sequence, head_kv) + cell * row_bytes(cache.type(), length);
  std::byte* key_cell = cache.keys(layer, t.sequence, head_kv) + cell * row_bytes(cache.type(), length);

  float normed[1024];
  if (w.v_bias != nullptr) kernels.add_scaled(w.v_bias + head_kv * length, 1.0F, length, value);
  if (facts.value_norm) kernels.rms_norm(value, nullptr, eps, length, normed);
  kernels.store_kv(facts.value_norm ? normed : value, length, cache.type(), value_cell);

  if (w.k_bias != nullptr) kernels.add_scaled(w.k_bias + head_kv * length, 1.0F, length, key);
  if (w.k_norm != nullptr) kernels.rms_norm(key, w.k_norm, eps, length, key);
  rotate(lane, spec, token, key);
  kernels.store_kv(key, length, cache.type(), key_cell);
}

void Decoder::Impl::prepare_queries(const Lane& lane, int layer, std::int64_t token, int head_kv) {
  const LayerWeights& w = layers[static_cast<std::size_t>(layer)];
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  const int group = spec.n_head / spec.n_head_kv;
  for (int head = head_kv * group; head < (head_kv + 1) * group; ++head) {
    float* query = q.data() + (token * spec.n_head + head) * spec.key_length;
    if (w.q_bias != nullptr) kernels.add_scaled(w.q_bias + std::int64_t{head} * spec.key_length, 1.0F, spec.key_length, query);
    if (w.q_norm != nullptr) kernels.rms_norm(query, w.q_norm, static_cast<float>(model.norm_eps), spec.key_length, query);
    rotate(lane, spec, token, query);
  }
}

}  // namespace oldiron
