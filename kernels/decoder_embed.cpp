// The beginning and the end of a step: embeddings, angles, the output head, and a rank's whole chain between them.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "kernels/decoder_impl.hpp"

namespace oldiron {

void Decoder::Impl::embed(const Lane& lane) {
  Work& work = lane.work;
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    const StepToken& t = tokens[static_cast<std::size_t>(c)];
    for (const int kind : {0, 1}) {
      const auto pairs = static_cast<std::int64_t>(rope[kind].per_position.size());
      rope[kind].at(t.position, work.cos[kind].data() + c * pairs, work.sin[kind].data() + c * pairs);
    }
    if (target != nullptr) continue;
    weights.row(global.embedding, t.token, work.x.data() + c * d());
    kernels.scale(work.x.data() + c * d(), static_cast<float>(model.embedding_scale), d());
  }
  if (target != nullptr) embed_beside_target(lane);
  if (global.per_layer_model) embed_per_layer(lane);
}

// x = W_pre [embedding of the target; hidden state].
void Decoder::Impl::embed_beside_target(const Lane& lane) {
  Work& work = lane.work;
  const std::int64_t width = model.embedding_length_out;
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    float* wide = work.wide.data() + c * 2 * width;
    target->weights.row(target->global.embedding, tokens[static_cast<std::size_t>(c)].token, wide);
    kernels.scale(wide, static_cast<float>(target->model.embedding_scale), width);
    std::copy_n(target_hidden + c * width, width, wide + width);
    quantise_column(work.wide_q, c, wide);
  }
  sync(lane);
  product(lane, model.block_count, kPreProjection, global.pre_projection, work.wide_q.view(work.wide.data(), 2 * width), y.data());
  team.barrier(lane.rank);
  const Range own = lane.columns;
  std::copy_n(y.data() + own.begin * d(), (own.end - own.begin) * d(), work.x.data() + own.begin * d());
}

// What each layer adds for a token: (RMS(W x / sqrt(d)) + sqrt(length) embedding) / sqrt(2), for all layers at once.
void Decoder::Impl::embed_per_layer(const Lane& lane) {
  Work& work = lane.work;
  const std::int64_t length = model.embedding_length_per_layer_input;
  const std::int64_t all = length * model.block_count;
  const auto eps = static_cast<float>(model.norm_eps);
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) quantise_column(work.a_q, c, work.x.data() + c * d());
  sync(lane);
  product(lane, model.block_count, kPerLayerModel, global.per_layer_model, work.a_q.view(work.x.data(), d()), per_layer.data());
  team.barrier(lane.rank);
  std::vector<float> embedding(static_cast<std::size_t>(all));
  const Range own = share(n(), 1, lane.rank, lane.active);  // read after the barriers of the first layer
  for (std::int64_t c = own.begin; c < own.end; ++c) {
    weights.row(global.per_layer_embedding, tokens[static_cast<std::size_t>(c)].token, embedding.data());
    float* input = per_layer.data() + c * all;
    kernels.scale(input, 1.0F / std::sqrt(static_cast<float>(d())), all);
    for (std::int64_t at = 0; at < all; at += length) kernels.rms_norm(input + at, global.per_layer_norm, eps, length, input + at);
    kernels.add_scaled(embedding.data(), std::sqrt(static_cast<float>(length)), all, input);
    kernels.scale(input, std::sqrt(0.5F), all);
  }
}

void Decoder::Impl::output(const Lane& lane) {
  const auto eps = static_cast<float>(model.norm_eps);
  Work& work = lane.work;
  for (std::int64_t c = lane.columns.begin; c < lane.columns.end; ++c) {
    const float* x = work.x.data() + c * d();
    if (!std::isfinite(std::accumulate(x, x + d(), 0.0F))) finite = false;
    if (!lane.replicated || lane.rank == 0) std::copy_n(x, d(), hidden.data() + c * d());
    if (target == nullptr && !tokens[static_cast<std::size_t>(c)].logits) continue;
    kernels.rms_norm(x, global.output_norm, eps, d(), work.a.data() + c * d());
    quantise_column(work.a_q, c, work.a.data() + c * d());
  }
  sync(lane);
  const Activations a = work.a_q.view(work.a.data(), d());
  if (target != nullptr) product(lane, model.block_count, kPostProjection, global.post_projection, a, next_hidden);
  if (logit_columns.empty()) return;
  const Matrix& head = global.head;
  in_rows(lane, model.block_count, kHead, head.m, [&](Range rows) {
    head.matmul(MatmulArgs{.type = head.type, .layout = head.layout, .w = head.data, .m = head.m, .k = head.k,
                 .n = static_cast<std::int64_t>(logit_columns.size()), .row_begin = rows.begin, .row_end = rows.end,
                 .x = a, .x_column = logit_columns.data(), .y = logits, .y_stride = head.m});
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
    if (global.per_layer_model) per_layer_embedding(lane, l);
  }
  output(lane);
}

}  // namespace oldiron
