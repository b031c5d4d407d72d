// Timing steps of our decoder: prefill, decode at a depth, verify(n), batch(n), and the read rate of the same pages.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/team.hpp"
#include "core/trial.hpp"
#include "kernels/decoder.hpp"
#include "runner/draft_timer.hpp"
#include "runner/trial_watch.hpp"

namespace oldiron {

/// Token ids of a workload: seeded, uniform over the vocabulary, never the model's own choice.
std::vector<std::int32_t> token_ids(std::uint64_t seed, std::size_t n, int vocab_size);

/// Prefill and decode both start at the workload's depth, as in llama-bench, so that trials of one phase compare with trials
/// of both.
class StepTimer {
 public:
  /// `drafts` is used only where the configuration drafts.
  StepTimer(std::shared_ptr<const Weights> weights, DraftParts drafts, const TrialSpec& spec, Team& team, std::function<void(const std::string& name, double value)> on_sample);

  /// Everything that the workload asks for, in the order decode (the read rate of the weights' own pages before
  /// and after it, and how long its ranks waited for each other), prefill (and between its samples how fast the same ranks
  /// multiply in their caches), verify, streams. With drafts the decode is
  /// time_drafts().
  std::vector<Measurement> measure();

  /// Why the CPU's events were not counted in the decode; empty if they were.
  const std::string& no_counters() const { return no_counters_; }

  /// The pages of the decoder's own memory, now.
  std::vector<PagesObtained> pages() const { return decoder_.pages(); }

 private:
  double read_rate();  ///< of the weights, between steps: the median of passes that last 0.15 s together
  std::vector<Measurement> prefill();
  std::vector<Measurement> decode();
  std::vector<Measurement> together(int n, bool streams);  ///< n tokens a step, each of a sequence of its own, or one after the other
  double step_s(std::span<const StepToken> tokens, int threads);

  /// A step that is no part of a sample.
  void warm_up(std::span<const StepToken> tokens, int threads);

  TrialSpec spec_;
  Team& team_;
  DraftParts drafts_;
  Decoder decoder_;
  TrialWatch watch_;
  std::function<void(const std::string& name, double value)> on_sample_;
  std::vector<std::int32_t> tokens_;
  std::vector<float> logits_;
  std::string no_counters_;
  int depth_;  ///< positions in the cache when decoding starts
};

}  // namespace oldiron
