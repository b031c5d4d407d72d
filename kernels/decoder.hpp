// The decoder: chains kernels into prefill, decode, verify and batch steps of a model.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/team.hpp"
#include "core/trial.hpp"
#include "kernels/registry.hpp"
#include "kernels/weights.hpp"

namespace oldiron {

/// One token of a step.
struct StepToken {
  std::int32_t token = 0;
  std::int32_t sequence = 0;
  std::int32_t position = 0;
  bool logits = true;  ///< wants a row of logits
};

struct DecoderOptions {
  int max_sequences = 1;
  int max_context = 1024;      ///< positions per sequence
  int max_step_tokens = 512;   ///< largest step (ubatch, or verify length x sequences)
  int n_experts = 0;           ///< 0: the model's own
};

/// Owns the KV cache and scratch of one running model; weights outlive it, so that changing a context or a ubatch loads
/// nothing. Not thread-safe; one step at a time.
class Decoder {
 public:
  /// Throws Error (an architecture that it does not run, a tensor that is missing or unknown to it, no memory).
  Decoder(std::shared_ptr<const Weights> weights, const Config& config, const DecoderOptions& options, Team& team);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  const ModelSpec& model() const;
  const Weights& weights() const;

  /// Runs tokens together on `threads` ranks; positions of a sequence must be consecutive and continue (or rewind: a
  /// position below the sequence's end drops what was stored from there on, as after rejected drafts).
  /// logits: [number of tokens with .logits][vocab], written in order of tokens. Throws Error on non-finite activations.
  void step(std::span<const StepToken> tokens, int threads, float* logits);

  /// Forgets what a sequence stored from `position` on; 0 empties it.
  void rewind(int sequence, int position);

  /// Treats positions below `position` as stored, whatever lies there: for timing a step at a depth, not for its logits.
  void assume(int sequence, int position);

  /// Streams over the packed weights (checksum), the denominator measured on the very pages decode uses. Bytes per second.
  double read_weights_bytes_per_s(int threads);

  /// The decoder's own memory by use, and how much of it lies in huge pages now.
  std::vector<PagesObtained> pages() const;

  /// Distinct experts used per layer in the last step, and the hidden states [tokens][embedding] after the last layer.
  std::vector<int> distinct_experts() const;
  std::span<const float> hidden() const;

  /// Row `token` of the last step's hidden states after output_norm [embedding], as the head reads it.
  void output_row(std::int64_t token, std::span<float> out) const;

 private:
  friend class MtpDecoder;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oldiron
