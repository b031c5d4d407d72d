// The decoder: chains kernels into prefill, decode, verify and batch steps of a gemma4 model.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/team.hpp"
#include "kernels/registry.hpp"
#include "kernels/weight_source.hpp"

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

/// Owns packed weights, KV cache and scratch. Not thread-safe; one step at a time.
class Decoder {
 public:
  /// Loads: each rank of `team` packs the rows it will read. Throws Error (unsupported architecture or type, no memory).
  Decoder(std::shared_ptr<const WeightSource> source, const Config& config, const DecoderOptions& options, Team& team);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  const ModelSpec& model() const;

  /// Runs tokens together on `threads` ranks; positions of a sequence must be consecutive and continue (or rewind: a
  /// position below the sequence's end drops what was stored from there on, as after rejected drafts).
  /// logits: [number of tokens with .logits][vocab], written in order of tokens. Throws Error on non-finite activations.
  void step(std::span<const StepToken> tokens, int threads, float* logits);

  /// Levers that need no reload, changed between steps.
  void set_n_experts(int n);

  /// Bytes of weights held, in packed form.
  std::int64_t weight_bytes() const;
  std::int64_t huge_page_bytes() const;

  /// Streams over the packed weights (checksum), the denominator measured on the very pages decode uses. Bytes per second.
  double read_weights_bytes_per_s(int threads);

  /// Distinct experts used per layer in the last step, and the hidden states [tokens][embedding] after the last layer.
  std::vector<int> distinct_experts() const;
  std::span<const float> hidden() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oldiron
