// The feed-forward half of a layer, as one rank runs it: dense branch, router and experts, as far as the layer has them,
// and the layer's own embedding.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/decoder_impl.hpp"

namespace oldiron {

namespace {

void copy(const float* from, std::int64_t n, float* to) { std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(float)); }

}  // namespace

// Rows of expert `e` (dense: 0), also in the layout of a matrix of its own. Each rank finishes its rows by itself.
void Decoder::Impl::gated(const GatedWeights& w, int e, Range rows, std::int64_t columns, const Activations& x,
                          const std::int32_t* x_column, const std::int32_t* y_column, float* h) {
  const std::int64_t width = w.width();
  if (w.fused) {
    return w.gate.gated(GatedArgs{.type = w.gate.type, .layout = w.gate.layout, .gate = w.gate.expert(e), .up = w.up.expert(e),
                .width = width, .k = w.gate.k, .n = columns, .row_begin = rows.begin, .row_end = rows.end,
                .activation = w.activation, .x = x, .x_column = x_column, .y_column = y_column, .h = h, .h_stride = width});
  }
  const auto multiply = [&](const Matrix& matrix, float* y_out) {
    matrix.matmul(MatmulArgs{.type = matrix.type, .layout = matrix.layout, .w = matrix.expert(e), .m = matrix.m, .k = matrix.k,
                   .n = columns, .row_begin = rows.begin, .row_end = rows.end, .x = x, .x_column = x_column,
                   .y_column = y_column, .y = y_out, .y_stride = width});
  };
  multiply(w.gate, h);
  multiply(w.up, up.data());
  const std::int64_t height = rows.end - rows.begin;
  for (std::int64_t c = 0; c < columns; ++c) {
    const std::int64_t at = (y_column != nullptr ? y_column[c] : c) * width + rows.begin;
    const std::int64_t bias = e * width + rows.begin;
    if (w.gate_bias != nullptr) kernels.add_scaled(w.gate_bias + bias, 1.0F, height, h + at);
    if (w.up_bias != nullptr) kernels.add_scaled(w.up_bias + bias, 1.0F, height, up.data() + at);
    kernels.glu(h + at, up.data() + at, w.activation, height, h + at);
  }
}

void Decoder::Impl::experts_up(const Lane& lane, int layer, const Routing& routes, const Activations& in) {
  const GatedWeights& w = layers[static_cast<std::size_t>(layer)].experts;
  for (int e = 0; e < model.expert_count; ++e) {
    const std::int32_t first = routes.begin[static_cast<std::size_t>(e)];
    const std::int32_t count = routes.begin[static_cast<std::size_t>(e) + 1] - first;
    if (count == 0) continue;
    in_rows(lane, layer, kExpertsUp + e, w.width(), [&](Range rows) {
      gated(w, e, rows, count, in, routes.tokens.data() + first, routes.slots.data() + first, expert.data());
    });
  }
}

// These rows of all experts: a token's sum has the experts in ascending order, whatever other tokens are in the
// step and whoever computes the rows.
void Decoder::Impl::experts_down_rows(int layer, Range rows, const Activations& in, Routing& routes) {
  const LayerWeights& weights_of_layer = layers[static_cast<std::size_t>(layer)];
  const Matrix& w = weights_of_layer.experts_down;
  const std::int64_t height = rows.end - rows.begin;
  for (std::int64_t c = 0; c < n(); ++c)
    std::fill_n(b2.data() + c * d() + rows.begin, height, 0.0F);
  for (int e = 0; e < model.expert_count; ++e) {
    const std::int32_t first = routes.begin[static_cast<std::size_t>(e)];
    const std::int32_t count = routes.begin[static_cast<std::size_t>(e) + 1] - first;
    if (count == 0) continue;
    routes.product.resize(std::max(routes.product.size(), static_cast<std::size_t>(count * height)));
    w.matmul(MatmulArgs{.type = w.type, .layout = w.layout, .w = w.expert(e), .m = w.m, .k = w.k, .n = count,
              .row_begin = rows.begin, .row_end = rows.end, .x = in, .x_column = routes.slots.data() + first,
              .y = routes.product.data() - rows.begin, .y_stride = height});
    const float* bias = weights_of_layer.expert_down_bias;
    for (std::int32_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(first + i);
      const float weight = routes.weight[static_cast<std::size_t>(routes.slots[at])];
      float* sum = b2.data() + routes.tokens[at] * d() + rows.begin;
      kernels.add_scaled(routes.product.data() + i * height, weight, height, sum);
      if (bias != nullptr) kernels.add_scaled(bias + e * w.m + rows.begin, weight, height, sum);
    }
  }
}

// Up to the router's logits and the dense branch's first half: h = x + attention, and the inputs of the branches.
void Decoder::Impl::begin_feed_forward(const Lane& lane, const LayerWeights& w) {
  const auto eps = static_cast<float>(model.norm_eps);
  const float router_scale = 1.0F / std::sqrt(static_cast<float>(d()));
  Work& work = lane.work;
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    const std::int64_t at = c * d();
    float* h = work.h.data() + at;
    if (w.post_attention_norm != nullptr) kernels.rms_norm(y.data() + at, w.post_attention_norm, eps, d(), h);
    else copy(y.data() + at, d(), h);
    if (w.output_bias != nullptr) kernels.add_scaled(w.output_bias, 1.0F, d(), h);
    kernels.add_scaled(work.x.data() + at, 1.0F, d(), h);
    kernels.rms_norm(h, w.ffn_norm, eps, d(), work.a.data() + at);
    quantise_column(work.a_q, c, work.a.data() + at);
    if (w.pre_ffw_norm_2 != nullptr) {
      kernels.rms_norm(h, w.pre_ffw_norm_2, eps, d(), work.m.data() + at);
      quantise_column(work.m_q, c, work.m.data() + at);
    }
    if (w.router_scale != nullptr) {
      kernels.rms_norm(h, w.router_scale, eps, d(), work.r.data() + at);
      kernels.scale(work.r.data() + at, router_scale, d());
      if (w.router.quantised_input) quantise_column(work.r_q, c, work.r.data() + at);
    }
  }
}

// x = h + what the branches gave.
void Decoder::Impl::end_feed_forward(const Lane& lane, const LayerWeights& w) {
  const auto eps = static_cast<float>(model.norm_eps);
  Work& work = lane.work;
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    const std::int64_t at = c * d();
    float* x = work.x.data() + at;
    const float* f = (w.dense ? b1.data() : b2.data()) + at;
    if (w.dense && w.experts) {
      kernels.rms_norm(b1.data() + at, w.post_ffw_norm_1, eps, d(), work.m.data() + at);
      kernels.rms_norm(b2.data() + at, w.post_ffw_norm_2, eps, d(), work.a.data() + at);
      kernels.add_scaled(work.m.data() + at, 1.0F, d(), work.a.data() + at);
      f = work.a.data() + at;
    }
    if (w.post_ffw_norm != nullptr) kernels.rms_norm(f, w.post_ffw_norm, eps, d(), x);
    else copy(f, d(), x);
    kernels.add_scaled(work.h.data() + at, 1.0F, d(), x);
    if (w.output_scale != nullptr && !w.per_layer_gate) kernels.scale(x, w.output_scale[0], d());
  }
}

void Decoder::Impl::feed_forward(const Lane& lane, int layer) {
  const LayerWeights& w = layers[static_cast<std::size_t>(layer)];
  Work& work = lane.work;
  begin_feed_forward(lane, w);
  sync(lane);
  const Activations a = work.a_q.view(work.a.data(), d());
  if (w.router) {
    product(lane, layer, kRouter, w.router, w.router_scale != nullptr ? work.r_q.view(work.r.data(), d()) : a, z.data());
  }
  if (w.dense) {
    in_rows(lane, layer, kGate, w.dense.width(), [&](Range rows) {
      gated(w.dense, 0, rows, n(), a, nullptr, nullptr, dense.data());
    });
  }
  team.barrier(lane.rank);

  Routing& routes = routing[static_cast<std::size_t>(lane.rank)];
  if (w.router) route(layer, routes);
  if (w.dense) {
    const std::int64_t width = w.dense.width();
    work.dense_q.k = width;
    for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c)
      quantise_column(work.dense_q, c, dense.data() + c * width);
    sync(lane);
    product(lane, layer, kDown, w.down, work.dense_q.view(dense.data(), width), b1.data());
  }
  if (w.router) {
    experts_up(lane, layer, routes, w.pre_ffw_norm_2 != nullptr ? work.m_q.view(work.m.data(), d()) : a);
  }
  team.barrier(lane.rank);

  if (w.router) {
    const std::int64_t width = w.experts_down.k;
    for (std::int64_t slot = lane.columns.begin * n_used; slot < lane.columns.end * n_used; ++slot)
      quantise_column(work.expert_q, slot, expert.data() + slot * width);
    sync(lane);
    const Activations in = work.expert_q.view(expert.data(), width);
    in_rows(lane, layer, kExpertsDown, w.experts_down.m,
            [&](Range rows) { experts_down_rows(layer, rows, in, routes); });
    if (lane.rank == 0) {
      int used = 0;
      for (int e = 0; e < model.expert_count; ++e)
        used += routes.begin[static_cast<std::size_t>(e) + 1] > routes.begin[static_cast<std::size_t>(e)] ? 1 : 0;
      distinct[static_cast<std::size_t>(layer)] = used;
    }
    team.barrier(lane.rank);
  }
  end_feed_forward(lane, w);
}

// x += RMS(W (gelu(W_gate x) * what the layer adds for the token)).
void Decoder::Impl::per_layer_embedding(const Lane& lane, int layer) {
  const LayerWeights& w = layers[static_cast<std::size_t>(layer)];
  const std::int64_t length = model.embedding_length_per_layer_input;
  const auto eps = static_cast<float>(model.norm_eps);
  Work& work = lane.work;
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) quantise_column(work.a_q, c, work.x.data() + c * d());
  sync(lane);
  product(lane, layer, kPerLayerGate, w.per_layer_gate, work.a_q.view(work.x.data(), d()), per_layer_gate.data());
  team.barrier(lane.rank);
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    const float* input = per_layer.data() + (c * model.block_count + layer) * length;
    float* gated_input = work.per_layer.data() + c * length;
    kernels.glu(per_layer_gate.data() + c * length, input, facts.activation, length, gated_input);
    quantise_column(work.per_layer_q, c, gated_input);
  }
  sync(lane);
  product(lane, layer, kPerLayerProjection, w.per_layer_projection, work.per_layer_q.view(work.per_layer.data(), length), y.data());
  team.barrier(lane.rank);
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    float* x = work.x.data() + c * d();
    kernels.rms_norm(y.data() + c * d(), w.per_layer_norm, eps, d(), work.a.data() + c * d());
    kernels.add_scaled(work.a.data() + c * d(), 1.0F, d(), x);
    if (w.output_scale != nullptr) kernels.scale(x, w.output_scale[0], d());
  }
}

}  // namespace oldiron
