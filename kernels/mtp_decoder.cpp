#include "kernels/mtp_decoder.hpp"

#include <fmt/format.h>

#include "kernels/decoder_impl.hpp"

namespace oldiron {

namespace {

void check_pair(const ModelSpec& drafter, const ModelSpec& target) {
  const Architecture* facts = architecture(drafter.architecture);
  if (facts == nullptr || !facts->drafter)
    throw Error(fmt::format("{}: architecture '{}' is no drafter that reads another model's keys", drafter.id, drafter.architecture));
  if (drafter.embedding_length_out == target.embedding_length && drafter.vocab_size == target.vocab_size) return;
  throw Error(fmt::format("{} drafts for a model of width {} with {} tokens; {} has {} and {}", drafter.id,
                          drafter.embedding_length_out, drafter.vocab_size, target.id, target.embedding_length, target.vocab_size));
}

}  // namespace

MtpDecoder::MtpDecoder(std::shared_ptr<const Weights> weights, const Config& config, const Decoder& target, int max_step_tokens,
                       Team& team) {
  const ModelSpec& model = weights->model();
  const ModelSpec& other = target.impl_->model;
  check_pair(model, other);
  impl_ = std::make_unique<Decoder::Impl>(
      std::move(weights), config,
      DecoderOptions{.max_sequences = target.impl_->options.max_sequences, .max_context = target.impl_->options.max_context,
                     .max_step_tokens = max_step_tokens, .n_experts = 0},
      team, target.impl_.get());
  for (int l = 0; l < model.block_count; ++l) {
    const LayerSpec& own = model.layers[static_cast<std::size_t>(l)];
    const LayerSpec& read = other.layers[static_cast<std::size_t>(impl_->kv_layer(l))];
    if (own.n_head_kv == read.n_head_kv && own.key_length == read.key_length && own.window == read.window && own.window != 1) continue;
    throw Error(fmt::format("{}: layer {} reads {} key heads of {} in a window of {}; {} stores {} of {} in one of {}", model.id, l,
                            own.n_head_kv, own.key_length, own.window, other.id, read.n_head_kv, read.key_length, read.window));
  }
}

MtpDecoder::~MtpDecoder() = default;

const ModelSpec& MtpDecoder::model() const { return impl_->model; }

void MtpDecoder::step(std::span<const StepToken> tokens, std::span<const float> hidden, int threads, float* logits,
                      std::span<float> next_hidden) {
  Decoder::Impl& d = *impl_;
  const std::size_t floats = tokens.size() * static_cast<std::size_t>(d.model.embedding_length_out);
  CHECK(!tokens.empty() && static_cast<int>(tokens.size()) <= d.options.max_step_tokens, "step size");
  CHECK(hidden.size() == floats && next_hidden.size() == floats, "one hidden row per token");
  queries_.assign(tokens.begin(), tokens.end());
  for (StepToken& query : queries_) {
    CHECK(query.sequence >= 0 && query.sequence < d.options.max_sequences, "sequence number");
    CHECK(query.token >= 0 && query.token < d.model.vocab_size, "token id");
    CHECK(query.position > 0 && query.position <= d.target->ends[static_cast<std::size_t>(query.sequence)],
          "the target has stored what lies before the position");
    --query.position;
  }
  d.queries = queries_;
  d.target_hidden = hidden.data();
  d.next_hidden = next_hidden.data();
  d.run(tokens, threads, logits);
}

}  // namespace oldiron
