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

std::size_t floats(std::int64_t a, std::int64_t b) { return static_cast<std::size_t>(a * b); }

Widths widths_of(const ModelSpec& model, const std::vector<LayerWeights>& layers) {
  Widths most;
  const auto raise = [](std::int64_t& to, std::int64_t value) { to = std::max(to, value); };
  for (const LayerSpec& spec : model.layers) {
    raise(most.queries, std::int64_t{spec.n_head} * spec.key_length);
    raise(most.keys, std::int64_t{spec.n_head_kv} * spec.key_length);
    raise(most.rope_pairs, spec.rope_dimension_count / 2);
  }
  for (const LayerWeights& w : layers) {
    raise(most.dense, w.dense.width());
    raise(most.expert, w.experts.width());
  }
  return most;
}

// The pages that products of many columns take for their panels, before anything is timed.
[[gnu::noinline]] void touch_stack() {
  volatile char pages[kProductStackBytes];
  for (std::size_t i = 0; i < sizeof pages; i += 4096) pages[i] = 0;
}

}  // namespace

void Work::resize(const ModelSpec& model, const Widths& widths, std::int64_t n, int used) {
  const std::int64_t d = model.embedding_length;
  for (std::vector<float>* each : {&x, &h, &a, &m, &r}) each->resize(floats(n, d));
  a_q.resize(n, d);
  m_q.resize(n, d);
  r_q.resize(n, d);
  wide.resize(floats(n, 2 * model.embedding_length_out));
  wide_q.resize(n, 2 * model.embedding_length_out);
  per_layer.resize(floats(n, model.embedding_length_per_layer_input));
  per_layer_q.resize(n, model.embedding_length_per_layer_input);
  o_q.resize(n, widths.queries);
  dense_q.resize(n, widths.dense);
  expert_q.resize(n * used, widths.expert);
  for (int sliding = 0; sliding < 2; ++sliding) {
    cos[sliding].resize(floats(n, widths.rope_pairs));
    sin[sliding].resize(floats(n, widths.rope_pairs));
  }
}

Decoder::Impl::Impl(std::shared_ptr<const Weights> packed, const Config& config, const DecoderOptions& decoder_options,
                    Team& worker_team, Impl* target_model)
    : loaded(std::move(packed)), weights(*loaded), model(loaded->model()), facts(*architecture(model.architecture)), options(decoder_options),
      team(worker_team), kernels(loaded->kernels()), target(target_model),
      cache(model, options.max_sequences, options.max_context, options.max_step_tokens,
            kv_tensor_type(config.kv_type), config.page_size),
      global(global_weights(weights, facts)),
      split_rows(config.row_split == RowShares::pieces
                     ? RowSplit(std::int64_t{model.block_count} * (kExpertsUp + model.expert_count) + kGlobalProducts, team.nodes())
                     : RowSplit()) {
  n_used = options.n_experts > 0 ? options.n_experts : model.expert_used_count;
  bool unfused = false;
  for (int l = 0; l < model.block_count; ++l) {
    layers.push_back(layer_weights(weights, facts, l));
    const LayerWeights& w = layers.back();
    unfused = unfused || (w.dense && !w.dense.fused) || (w.experts && !w.experts.fused);
  }
  for (const LayerSpec& layer : model.layers)
    rope[layer.sliding] = rope_angles(layer, model.rope_scaling, layer.rope_freqs ? weights.vector("rope_freqs.weight") : nullptr);
  widths = widths_of(model, layers);
  quantise = weights.quantised();
  cache.touch(team);

  const std::int64_t t = options.max_step_tokens;
  const std::int64_t per_layer_length = model.embedding_length_per_layer_input;
  q.resize(floats(t, widths.queries));
  o.resize(q.size());
  k.resize(floats(t, widths.keys));
  v.resize(k.size());
  for (std::vector<float>* each : {&y, &b1, &b2, &hidden}) each->resize(floats(t, d()));
  z.resize(floats(t, model.expert_count));
  dense.resize(floats(t, widths.dense));
  per_layer.resize(floats(t, model.block_count * per_layer_length));
  per_layer_gate.resize(floats(t, per_layer_length));
  distinct.resize(static_cast<std::size_t>(model.block_count));
  ends.assign(static_cast<std::size_t>(options.max_sequences), 0);

  attention_scratch.resize(static_cast<std::size_t>(team.size()));
  private_work.resize(static_cast<std::size_t>(team.size()));
  routing.resize(static_cast<std::size_t>(team.size()));
  touch_all(t);
  expert.resize(floats(t * n_used, widths.expert));
  if (unfused) up.resize(std::max(dense.size(), expert.size()));
  shared.resize(model, widths, t > kReplicatedTokens ? t : 0, n_used);
  for (Work& work : private_work) work.resize(model, widths, std::min(t, kReplicatedTokens), n_used);
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

int Decoder::Impl::kv_layer(int layer) const {
  const LayerSpec& spec = model.layers[static_cast<std::size_t>(layer)];
  if (spec.kv_from == kOwnKv) return layer;
  if (spec.kv_from != kTargetKv) return spec.kv_from;
  const std::vector<LayerSpec>& others = target->model.layers;
  for (std::size_t i = others.size(); i-- > 0;)
    if (others[i].sliding == spec.sliding && others[i].kv_from == kOwnKv) return static_cast<int>(i);
  throw Error(fmt::format("{}: {} has no layer whose keys its layer {} could read", model.id, target->model.id, layer));
}

Decoder::Decoder(std::shared_ptr<const Weights> weights, const Config& config, const DecoderOptions& options, Team& team) {
  if (const std::string reason = why_not_run(weights->model()); !reason.empty()) throw Error(reason);
  impl_ = std::make_unique<Impl>(std::move(weights), config, options, team);
}

Decoder::~Decoder() = default;

const ModelSpec& Decoder::model() const { return impl_->model; }

const Weights& Decoder::weights() const { return impl_->weights; }

void Decoder::Impl::run(std::span<const StepToken> step_tokens, int threads, float* step_logits) {
  tokens = step_tokens;
  logits = step_logits;
  split_rows.reset();
  logit_columns.clear();
  for (std::size_t c = 0; c < tokens.size(); ++c)
    if (tokens[c].logits) logit_columns.push_back(static_cast<std::int32_t>(c));
  finite = true;
  team.run(std::clamp(threads, 1, team.size()), [this](int rank, int active) { run_rank(rank, active); });
  if (!finite)
    throw Error(fmt::format("{}: an activation is not finite; the weights are damaged or of a type that overflows", model.id));
}

void Decoder::step(std::span<const StepToken> tokens, int threads, float* logits) {
  Impl& d = *impl_;
  CHECK(!tokens.empty() && static_cast<int>(tokens.size()) <= d.options.max_step_tokens, "step size");
  d.tokens = d.queries = tokens;
  d.check_positions();
  d.run(tokens, threads, logits);
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
  constexpr std::int64_t kPieceBlocks = 64;
  std::atomic<std::uint64_t> checksum{0};
  std::vector<std::atomic<std::int64_t>> next(static_cast<std::size_t>(d.team.nodes()));
  const double start_s = now_s();
  d.team.run(threads, [&](int rank, int active) {
    const Range ranks = d.team.node_ranks(rank);
    const Range own = share_of(blocks, 1, ranks, active);
    std::atomic<std::int64_t>& piece = next[static_cast<std::size_t>(d.team.node(rank))];
    std::uint64_t sum = 0;
    for (Range r; (r = halving_piece(own, ranks.end - ranks.begin, piece++, kPieceBlocks)).begin < r.end;)
      sum += d.kernels.stream_read(body.data() + r.begin * kStep, static_cast<std::size_t>((r.end - r.begin) * kStep),
                                   kStreamPrefetchBytes);
    checksum += sum;
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
