#include "kernels/decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/clock.hpp"
#include "kernels/decoder_impl.hpp"

namespace oldiron {

namespace {

TensorType kv_tensor_type(KvType type) {
  switch (type) {
    case KvType::f16: return TensorType::f16;
    case KvType::f32: return TensorType::f32;
    case KvType::bf16: return TensorType::bf16;
    case KvType::q8_0: return TensorType::q8_0;
    case KvType::q4_0: return TensorType::q4_0;
  }
  return TensorType::f16;
}

LayerWeights bind_layer(const Weights& weights, int layer) {
  const auto name = [&](const char* tensor) { return fmt::format("blk.{}.{}", layer, tensor); };
  const auto v = [&](const char* tensor) { return weights.vector(name(tensor)); };
  const auto m = [&](const char* tensor) { return weights.matrix(name(tensor)); };
  return {.attn_norm = v("attn_norm.weight"),
          .q_norm = v("attn_q_norm.weight"),
          .k_norm = v("attn_k_norm.weight"),
          .post_attention_norm = v("post_attention_norm.weight"),
          .ffn_norm = v("ffn_norm.weight"),
          .post_ffw_norm = v("post_ffw_norm.weight"),
          .output_scale = v("layer_output_scale.weight"),
          .post_ffw_norm_1 = v("post_ffw_norm_1.weight"),
          .pre_ffw_norm_2 = v("pre_ffw_norm_2.weight"),
          .post_ffw_norm_2 = v("post_ffw_norm_2.weight"),
          .router_scale = v("ffn_gate_inp.scale"),
          .expert_scale = v("ffn_down_exps.scale"),
          .q = m("attn_q.weight"),
          .k = m("attn_k.weight"),
          .v = m("attn_v.weight"),
          .output = m("attn_output.weight"),
          .gate = m("ffn_gate.weight"),
          .up = m("ffn_up.weight"),
          .down = m("ffn_down.weight"),
          .router = m("ffn_gate_inp.weight"),
          .experts_gate_up = m("ffn_gate_up_exps.weight"),
          .experts_down = m("ffn_down_exps.weight")};
}

void check_layer(const LayerWeights& l, const LayerSpec& spec, bool moe, int layer, const std::string& id) {
  const auto need = [&](bool present, const char* tensor) {
    if (!present) throw Error(fmt::format("{}: tensor blk.{}.{} is missing; the file is not a whole gemma4 model", id, layer, tensor));
  };
  need(l.attn_norm != nullptr, "attn_norm.weight");
  need(l.q_norm != nullptr, "attn_q_norm.weight");
  need(l.k_norm != nullptr, "attn_k_norm.weight");
  need(l.post_attention_norm != nullptr, "post_attention_norm.weight");
  need(l.ffn_norm != nullptr, "ffn_norm.weight");
  need(l.post_ffw_norm != nullptr, "post_ffw_norm.weight");
  need(bool(l.q), "attn_q.weight");
  need(bool(l.k), "attn_k.weight");
  need(bool(l.v) || spec.value_is_key, "attn_v.weight");
  need(bool(l.output), "attn_output.weight");
  need(l.gate && l.up && l.down, "ffn_gate, ffn_up or ffn_down.weight");
  if (!moe) return;
  need(l.post_ffw_norm_1 != nullptr && l.pre_ffw_norm_2 != nullptr && l.post_ffw_norm_2 != nullptr, "post_ffw_norm_1, pre_ffw_norm_2 or post_ffw_norm_2.weight");
  need(l.router && l.router_scale != nullptr, "ffn_gate_inp.weight or .scale");
  need(l.experts_gate_up && l.experts_down, "ffn_gate_up_exps or ffn_down_exps.weight");
}

int max_over_layers(const ModelSpec& model, int (*f)(const LayerSpec&)) {
  int most = 0;
  for (const LayerSpec& layer : model.layers) most = std::max(most, f(layer));
  return most;
}

int query_width(const LayerSpec& l) { return l.n_head * l.key_length; }

int key_width(const LayerSpec& l) { return l.n_head_kv * l.key_length; }

std::size_t floats(std::int64_t a, std::int64_t b) { return static_cast<std::size_t>(a * b); }

// The pages that products of many columns take for their panels, before anything is timed.
[[gnu::noinline]] void touch_stack() {
  volatile char pages[kProductStackBytes];
  for (std::size_t i = 0; i < sizeof pages; i += 4096) pages[i] = 0;
}

}  // namespace

void Quantised::resize(std::int64_t n, std::int64_t columns_k) {
  k = columns_k;
  q.resize(floats(n, k));
  scale.resize(floats(n, (k + 31) / 32));
  sum.resize(floats(n, (k + 15) / 16));
}

bool Quantised::set(QuantizeFn quantize, std::int64_t column, const float* x) {
  return quantize(x, k, q.data() + column * k, scale.data() + column * (k / 32), sum.data() + column * (k / 16));
}

Activations Quantised::view(const float* f32, std::int64_t f32_stride) const {
  return {.f32 = f32, .q = q.data(), .scale = scale.data(), .sum = sum.data(), .f32_stride = f32_stride,
          .q_stride = k, .scale_stride = k / 32, .sum_stride = k / 16};
}

void Work::resize(const ModelSpec& model, std::int64_t n, int used) {
  const std::int64_t d = model.embedding_length;
  for (std::vector<float>* each : {&x, &h, &a, &m, &r}) each->resize(floats(n, d));
  a_q.resize(n, d);
  m_q.resize(n, d);
  o_q.resize(n, max_over_layers(model, query_width));
  dense_q.resize(n, model.feed_forward_length);
  if (model.expert_count > 0) expert_q.resize(n * used, model.expert_feed_forward_length);
  for (int sliding = 0; sliding < 2; ++sliding) {
    const std::int64_t half = max_over_layers(model, [](const LayerSpec& l) { return l.rope_dimension_count; }) / 2;
    cos[sliding].resize(floats(n, half));
    sin[sliding].resize(floats(n, half));
  }
}

Decoder::Impl::Impl(std::shared_ptr<const Weights> packed, const Config& config, const DecoderOptions& decoder_options,
                    Team& worker_team)
    : loaded(std::move(packed)), weights(*loaded), model(loaded->model()), options(decoder_options), team(worker_team),
      kernels(loaded->kernels()),
      cache(model, options.max_sequences, options.max_context, options.max_step_tokens,
            kv_tensor_type(config.kv_type), config.page_size),
      split_rows(config.row_split == RowShares::pieces
                     ? RowSplit(std::int64_t{model.block_count} * (kExpertsUp + model.expert_count) + 1, team.size())
                     : RowSplit()) {
  n_used = options.n_experts > 0 ? options.n_experts : model.expert_used_count;
  for (int l = 0; l < model.block_count; ++l) {
    layers.push_back(bind_layer(weights, l));
    check_layer(layers.back(), model.layers[static_cast<std::size_t>(l)], model.expert_count > 0, l, model.id);
  }
  embedding = weights.matrix("token_embd.weight");
  head = model.tied_head ? embedding : weights.matrix("output.weight");
  if (!embedding || !head) throw Error(fmt::format("{}: tensor token_embd.weight or output.weight is missing", model.id));
  quantise = weights.quantised();
  cache.touch(team);

  const std::int64_t t = options.max_step_tokens;
  q.resize(floats(t, max_over_layers(model, query_width)));
  o.resize(q.size());
  k.resize(floats(t, max_over_layers(model, key_width)));
  v.resize(k.size());
  for (std::vector<float>* each : {&y, &b1, &b2, &hidden}) each->resize(floats(t, d()));
  z.resize(floats(t, model.expert_count));
  dense.resize(floats(t, model.feed_forward_length));
  distinct.resize(static_cast<std::size_t>(model.block_count));
  ends.assign(static_cast<std::size_t>(options.max_sequences), 0);

  attention_scratch.resize(static_cast<std::size_t>(team.size()));
  private_work.resize(static_cast<std::size_t>(team.size()));
  routing.resize(static_cast<std::size_t>(team.size()));
  touch_all(t);
  expert.resize(floats(t * n_used, model.expert_feed_forward_length));
  shared.resize(model, t > kReplicatedTokens ? t : 0, n_used);
  for (Work& work : private_work) work.resize(model, std::min(t, kReplicatedTokens), n_used);
}

void Decoder::Impl::touch_all(std::int64_t t) {
  const std::int64_t rows = share(d(), kGroupRows, 0, team.size()).end;
  team.run(team.size(), [&](int rank, int) {
    touch_stack();
    Routing& routes = routing[static_cast<std::size_t>(rank)];
    routes.expert.resize(floats(t, n_used));
    routes.weight.resize(floats(t, n_used));
    routes.tokens.resize(floats(t, n_used));
    routes.slots.resize(floats(t, n_used));
    if (n_used > 0) routes.product.resize(floats(t, rows));  // if all tokens choose one expert
  });
}

void Decoder::Impl::check_positions() {
  std::vector<std::int64_t> next = ends;
  std::vector<bool> begun(ends.size(), false);
  for (const StepToken& t : tokens) {
    CHECK(t.sequence >= 0 && t.sequence < options.max_sequences, "sequence number");
    CHECK(t.token >= 0 && t.token < model.vocab_size, "token id");
    const auto s = static_cast<std::size_t>(t.sequence);
    CHECK(t.position >= 0 && t.position < options.max_context, "position inside the context");
    CHECK(t.position == next[s] || (!begun[s] && t.position < next[s]), "positions of a sequence are consecutive");
    if (t.position < next[s])
      CHECK(next[s] - t.position <= cache.rewind_room(next[s]), "rewind stays inside the sliding layers' rings");
    begun[s] = true;
    next[s] = t.position + 1;
  }
  ends = next;
}

Decoder::Decoder(std::shared_ptr<const Weights> weights, const Config& config, const DecoderOptions& options, Team& team) {
  const ModelSpec& model = weights->model();
  if (model.architecture != "gemma4")
    throw Error(fmt::format("{}: architecture '{}' can be accounted for but not run; our decoder knows gemma4", model.id,
                            model.architecture));
  impl_ = std::make_unique<Impl>(std::move(weights), config, options, team);
}

Decoder::~Decoder() = default;

const ModelSpec& Decoder::model() const { return impl_->model; }

void Decoder::step(std::span<const StepToken> tokens, int threads, float* logits) {
  Impl& d = *impl_;
  CHECK(!tokens.empty() && static_cast<int>(tokens.size()) <= d.options.max_step_tokens, "step size");
  d.tokens = tokens;
  d.check_positions();
  d.logits = logits;
  d.split_rows.reset();
  d.logit_columns.clear();
  for (std::size_t c = 0; c < tokens.size(); ++c)
    if (tokens[c].logits) d.logit_columns.push_back(static_cast<std::int32_t>(c));
  d.finite = true;
  d.team.run(std::clamp(threads, 1, d.team.size()), [&d](int rank, int active) { d.run_rank(rank, active); });
  if (!d.finite)
    throw Error(fmt::format("{}: an activation is not finite; the weights are damaged or of a type that overflows", d.model.id));
}

void Decoder::rewind(int sequence, int position) {
  CHECK(position <= impl_->ends[static_cast<std::size_t>(sequence)], "rewind goes back");
  impl_->ends[static_cast<std::size_t>(sequence)] = position;
}

void Decoder::assume(int sequence, int position) {
  CHECK(position >= 0 && position < impl_->options.max_context, "position inside the context");
  impl_->ends[static_cast<std::size_t>(sequence)] = position;
}

double Decoder::read_weights_bytes_per_s(int threads) {
  Impl& d = *impl_;
  const std::span<const std::byte> body = d.weights.body();
  constexpr std::int64_t kStep = 4096;
  const std::int64_t blocks = static_cast<std::int64_t>(body.size()) / kStep;
  std::atomic<std::uint64_t> checksum{0};
  const double start_s = now_s();
  d.team.run(threads, [&](int rank, int active) {
    const Range part = share(blocks, 1, rank, active);
    checksum += d.kernels.stream_read(body.data() + part.begin * kStep, static_cast<std::size_t>((part.end - part.begin) * kStep),
                                      kStreamPrefetchBytes);
  });
  return static_cast<double>(blocks * kStep) / (now_s() - start_s);
}

std::vector<PagesObtained> Decoder::pages() const {
  const KvCache& cache = impl_->cache;
  return {{.use = "keys and values", .bytes = cache.bytes(), .huge_page_bytes = cache.huge_page_bytes()}};
}

std::vector<int> Decoder::distinct_experts() const { return impl_->distinct; }

std::span<const float> Decoder::hidden() const {
  return std::span(impl_->hidden).first(static_cast<std::size_t>(impl_->n() * impl_->d()));
}

void Decoder::output_row(std::int64_t token, std::span<float> out) const {
  const Impl& d = *impl_;
  CHECK(token >= 0 && token < d.n() && static_cast<std::int64_t>(out.size()) == d.d(), "a row of the last step");
  d.kernels.rms_norm(d.hidden.data() + token * d.d(), d.weights.vector("output_norm.weight"),
                     static_cast<float>(d.model.norm_eps), d.d(), out.data());
}

}  // namespace oldiron
