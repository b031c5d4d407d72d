// The feed-forward half of a gemma4 layer (dense branch, router, experts), the output head, and a rank's whole step.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "kernels/decoder_impl.hpp"

namespace oldiron {

namespace {

// Smallest sum of the chosen experts' probabilities that is divided by, 2^-14 as in llama.cpp.
constexpr float kSmallestWeightSum = 6.103515625e-05F;

void gated_rows(const Matrix& gate, const std::byte* gate_data, const std::byte* up_data, std::int64_t width, Range rows,
                std::int64_t n, const Activations& x, const std::int32_t* x_column, const std::int32_t* y_column, float* h) {
  if (rows.begin == rows.end) return;
  gate.gated(GatedArgs{.type = gate.type, .layout = gate.layout, .gate = gate_data, .up = up_data, .width = width, .k = gate.k,
              .n = n, .row_begin = rows.begin, .row_end = rows.end, .activation = Activation::gelu_tanh, .x = x,
              .x_column = x_column, .y_column = y_column, .h = h, .h_stride = width});
}

}  // namespace

void Decoder::Impl::route(int layer, Routing& routes) const {
  const int total = model.expert_count;
  const auto used = static_cast<std::size_t>(n_used);
  const auto columns = static_cast<std::size_t>(n());
  routes.expert.resize(columns * used);
  routes.weight.resize(columns * used);
  routes.probability.resize(static_cast<std::size_t>(total));
  routes.begin.assign(static_cast<std::size_t>(total) + 1, 0);
  std::vector<std::int32_t> order(static_cast<std::size_t>(total));

  for (std::size_t c = 0; c < columns; ++c) {
    const float* logit = z.data() + static_cast<std::int64_t>(c) * total;
    const float most = *std::max_element(logit, logit + total);
    float all = 0;
    for (int e = 0; e < total; ++e) all += routes.probability[static_cast<std::size_t>(e)] = std::exp(logit[e] - most);
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + n_used, order.end(),
                      [&](std::int32_t a, std::int32_t b) { return logit[a] > logit[b] || (logit[a] == logit[b] && a < b); });
    float sum = 0;
    for (std::size_t j = 0; j < used; ++j) sum += routes.probability[static_cast<std::size_t>(order[j])] / all;
    for (std::size_t j = 0; j < used; ++j) {
      routes.expert[c * used + j] = order[j];
      routes.weight[c * used + j] =
          routes.probability[static_cast<std::size_t>(order[j])] / all / std::max(sum, kSmallestWeightSum);
      ++routes.begin[static_cast<std::size_t>(order[j]) + 1];
    }
  }
  std::partial_sum(routes.begin.begin(), routes.begin.end(), routes.begin.begin());
  routes.tokens.resize(routes.expert.size());
  routes.slots.resize(routes.expert.size());
  std::vector<std::int32_t> next(routes.begin.begin(), routes.begin.end() - 1);
  for (std::size_t slot = 0; slot < routes.expert.size(); ++slot) {
    const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(routes.expert[slot])]++);
    routes.tokens[at] = static_cast<std::int32_t>(slot / used);
    routes.slots[at] = static_cast<std::int32_t>(slot);
  }
  if (const float* scale = layers[static_cast<std::size_t>(layer)].expert_scale; scale != nullptr)
    for (std::size_t slot = 0; slot < routes.expert.size(); ++slot) routes.weight[slot] *= scale[routes.expert[slot]];
}

void Decoder::Impl::experts_up(const Lane& lane, int layer, const Routing& routes) {
  const Matrix& w = layers[static_cast<std::size_t>(layer)].experts_gate_up;
  const std::int64_t width = w.m / 2;  // gate rows first, then as many up rows
  const std::int64_t up_offset = width * row_bytes(w.type, w.k);
  const Activations in = lane.work.m_q.view(lane.work.m.data(), d());
  for (int e = 0; e < model.expert_count; ++e) {
    const std::int32_t first = routes.begin[static_cast<std::size_t>(e)];
    const std::int32_t count = routes.begin[static_cast<std::size_t>(e) + 1] - first;
    if (count == 0) continue;
    in_rows(lane, layer, kExpertsUp + e, width, [&](Range rows) {
      gated_rows(w, w.expert(e), w.expert(e) + up_offset, width, rows, count, in, routes.tokens.data() + first,
                 routes.slots.data() + first, expert.data());
    });
  }
}

// These rows of all experts: a token's sum has the experts in ascending order, whatever other tokens are in the
// step and whoever computes the rows.
void Decoder::Impl::experts_down_rows(int layer, Range rows, const Activations& in, Routing& routes) {
  const Matrix& w = layers[static_cast<std::size_t>(layer)].experts_down;
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
    for (std::int32_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(first + i);
      kernels.add_scaled(routes.product.data() + i * height, routes.weight[static_cast<std::size_t>(routes.slots[at])],
                         height, b2.data() + routes.tokens[at] * d() + rows.begin);
    }
  }
}

void Decoder::Impl::feed_forward(const Lane& lane, int layer) {
  const LayerWeights& w = layers[static_cast<std::size_t>(layer)];
  const auto eps = static_cast<float>(model.norm_eps);
  const bool moe = model.expert_count > 0;
  Work& work = lane.work;
  const float router_scale = 1.0F / std::sqrt(static_cast<float>(d()));

  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    const std::int64_t at = c * d();
    float* h = work.h.data() + at;
    kernels.rms_norm(y.data() + at, w.post_attention_norm, eps, d(), h);
    kernels.add_scaled(work.x.data() + at, 1.0F, d(), h);
    kernels.rms_norm(h, w.ffn_norm, eps, d(), work.a.data() + at);
    quantise_column(work.a_q, c, work.a.data() + at);
    if (!moe) continue;
    kernels.rms_norm(h, w.pre_ffw_norm_2, eps, d(), work.m.data() + at);
    quantise_column(work.m_q, c, work.m.data() + at);
    kernels.rms_norm(h, w.router_scale, eps, d(), work.r.data() + at);
    kernels.scale(work.r.data() + at, router_scale, d());
  }
  sync(lane);
  if (moe) product(lane, layer, kRouter, w.router, {.f32 = work.r.data(), .f32_stride = d()}, z.data(), model.expert_count);
  in_rows(lane, layer, kGate, w.gate.m, [&](Range rows) {
    gated_rows(w.gate, w.gate.data, w.up.data, w.gate.m, rows, n(), work.a_q.view(work.a.data(), d()), nullptr, nullptr,
               dense.data());
  });
  team.barrier(lane.rank);

  Routing& routes = routing[static_cast<std::size_t>(lane.rank)];
  if (moe) route(layer, routes);
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c)
    quantise_column(work.dense_q, c, dense.data() + c * w.gate.m);
  sync(lane);
  product(lane, layer, kDown, w.down, work.dense_q.view(dense.data(), w.gate.m), b1.data(), d());
  if (moe) experts_up(lane, layer, routes);
  team.barrier(lane.rank);

  if (moe) {
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

  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    const std::int64_t at = c * d();
    float* x = work.x.data() + at;
    float* f = work.a.data() + at;
    if (moe) {
      kernels.rms_norm(b1.data() + at, w.post_ffw_norm_1, eps, d(), work.m.data() + at);
      kernels.rms_norm(b2.data() + at, w.post_ffw_norm_2, eps, d(), f);
      kernels.add_scaled(work.m.data() + at, 1.0F, d(), f);
    } else {
      std::memcpy(f, b1.data() + at, static_cast<std::size_t>(d()) * sizeof(float));
    }
    kernels.rms_norm(f, w.post_ffw_norm, eps, d(), x);
    kernels.add_scaled(work.h.data() + at, 1.0F, d(), x);
    if (w.output_scale != nullptr) kernels.scale(x, w.output_scale[0], d());
  }
}

void Decoder::Impl::output(const Lane& lane) {
  const auto eps = static_cast<float>(model.norm_eps);
  Work& work = lane.work;
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    const float* x = work.x.data() + c * d();
    if (!std::isfinite(std::accumulate(x, x + d(), 0.0F))) finite = false;
    if (!lane.replicated || lane.rank == 0) std::copy_n(x, d(), hidden.data() + c * d());
    if (!tokens[static_cast<std::size_t>(c)].logits) continue;
    kernels.rms_norm(x, weights.vector("output_norm.weight"), eps, d(), work.a.data() + c * d());
    quantise_column(work.a_q, c, work.a.data() + c * d());
  }
  sync(lane);
  if (logit_columns.empty()) return;
  in_rows(lane, model.block_count, 0, head.m, [&](Range rows) {
    head.matmul(MatmulArgs{.type = head.type, .layout = head.layout, .w = head.data, .m = head.m, .k = head.k,
                 .n = static_cast<std::int64_t>(logit_columns.size()), .row_begin = rows.begin, .row_end = rows.end,
                 .x = work.a_q.view(work.a.data(), d()), .x_column = logit_columns.data(), .y = logits,
                 .y_stride = head.m});
    if (model.final_logit_softcap == 0) return;
    for (std::size_t i = 0; i < logit_columns.size(); ++i)
      kernels.softcap(logits + static_cast<std::int64_t>(i) * head.m + rows.begin,
                      static_cast<float>(model.final_logit_softcap), rows.end - rows.begin);
  });
}

void Decoder::Impl::run_rank(int rank, int active) {
  const bool replicated = n() <= kReplicatedTokens;
  const Lane lane{.rank = rank, .active = active,
                  .work = replicated ? private_work[static_cast<std::size_t>(rank)] : shared,
                  .columns = replicated ? Range{0, n()} : share(n(), 1, rank, active), .replicated = replicated};
  embed(lane);
  for (int l = 0; l < model.block_count; ++l) {
    attention(lane, l);
    feed_forward(lane, l);
  }
  output(lane);
}

}  // namespace oldiron
