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
    matrix.matmul(MatmulArgs{.type = matrix.type, .layout = matrix.layout, .w = matrix.data, .m = matrix.m, .k = matrix.k,
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

}  // namespace oldiron
