#include "runner/step_timer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/clock.hpp"
#include "core/stats.hpp"
#include "core/text.hpp"
#include "kernels/multiply_roof.hpp"
#include "kernels/speculation/speculation.hpp"
#include "probes/counters.hpp"
#include "runner/stop_rule.hpp"

namespace oldiron {

namespace {

// A decode sample is this many steps: long enough that the clock and one interrupt do not show.
constexpr int kStepsPerSample = 8;
constexpr int kVerifySamples = 5;
constexpr int kEmptyBarrierSamples = 6;
constexpr int kWarmUpTokens = 32;
// Neighbours on the same host take bandwidth, and half a core's pipes, without a trace in this machine's own counters; only
// reading and multiplying show it.
constexpr double kSteady = 1.2;
// One pass over a small model lasts some 10 ms, and no two such passes are alike.
constexpr double kReading_s = 0.15;
// Of the prefill beside it: what neighbours take changes within a tenth of a second.
constexpr double kMultiplyingShare = 0.06;
constexpr double kMultiplyingLeast_s = 0.1;
constexpr double kMultiplyingMost_s = 0.5;

DecoderOptions options_for(const TrialSpec& spec) {
  const Workload& w = spec.workload;
  DecoderOptions options;
  options.max_sequences = std::max(1, w.streams_max);
  options.max_step_tokens = std::max({std::min(spec.config.ubatch, std::max(1, w.prompt_tokens)), w.verify_max, w.streams_max,
                                      kWarmUpTokens});
  options.max_context = w.depth_tokens + std::max(w.prompt_tokens, kWarmUpTokens) + w.generate_tokens + w.verify_max + kStepsPerSample;
  options.n_experts = spec.config.n_experts;
  if (spec.config.draft_len > 0) {
    const DecoderOptions drafts = draft_decoder_options(spec);
    options.max_step_tokens = std::max(options.max_step_tokens, drafts.max_step_tokens);
    options.max_context = std::max(options.max_context, drafts.max_context);
  }
  return options;
}

/// `what`: "the memory read".
void tag_moving(const char* what, const std::vector<double>& rates, std::string (*text)(double), Measurement& measured) {
  const auto [low, high] = std::minmax_element(rates.begin(), rates.end());
  if (*high <= kSteady * *low) return;
  measured.tags.push_back(fmt::format("noisy: {} between {} and {} around it", what, text(*low), text(*high)));
}

}  // namespace

std::vector<std::int32_t> token_ids(std::uint64_t seed, std::size_t n, int vocab_size) {
  std::vector<std::int32_t> ids(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::uint64_t z = seed * 0x9E3779B97F4A7C15 + (i + 1) * 0xBF58476D1CE4E5B9;  // splitmix64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    ids[i] = static_cast<std::int32_t>((z ^ (z >> 31)) % static_cast<std::uint64_t>(vocab_size));
  }
  return ids;
}

StepTimer::StepTimer(std::shared_ptr<const Weights> weights, DraftParts drafts, const TrialSpec& spec, Team& team,
                     std::function<void(const std::string& name, double value)> on_sample)
    : spec_(spec),
      team_(team),
      drafts_(std::move(drafts)),
      decoder_(std::move(weights), spec.config, options_for(spec), team),
      watch_(team, std::max(spec.config.decode_threads, spec.config.prefill_threads)),
      on_sample_(std::move(on_sample)),
      depth_(spec.workload.depth_tokens) {
  const Workload& w = spec.workload;
  const int vocab = decoder_.model().vocab_size;
  tokens_ = token_ids(w.seed, static_cast<std::size_t>(w.prompt_tokens + w.generate_tokens + 4096), vocab);
  logits_.resize(static_cast<std::size_t>(std::max({1, w.verify_max, w.streams_max})) *
                 static_cast<std::size_t>(vocab));
}

double StepTimer::step_s(std::span<const StepToken> tokens, int threads) {
  watch_.begin_step();
  const double start_s = now_s();
  decoder_.step(tokens, threads, logits_.data());
  const double seconds = now_s() - start_s;
  watch_.end_step();
  return seconds;
}

void StepTimer::warm_up(std::span<const StepToken> tokens, int threads) {
  decoder_.step(tokens, threads, logits_.data());
  watch_.look();
}

double StepTimer::read_rate() {
  std::vector<double> rates;
  for (const double start_s = now_s(); rates.empty() || now_s() - start_s < kReading_s;)
    rates.push_back(decoder_.read_weights_bytes_per_s(spec_.config.decode_threads));
  return median(rates);
}

std::vector<Measurement> StepTimer::prefill() {
  const Workload& w = spec_.workload;
  const auto once = [&](int count, bool timed) {
    decoder_.assume(0, w.depth_tokens);
    double total_s = 0;
    for (int begin = 0; begin < count; begin += spec_.config.ubatch) {
      const int end = std::min(count, begin + spec_.config.ubatch);
      std::vector<StepToken> step;
      for (int i = begin; i < end; ++i)
        step.push_back({.token = tokens_[static_cast<std::size_t>(i)], .sequence = 0, .position = w.depth_tokens + i, .logits = i + 1 == count});
      if (timed) total_s += step_s(step, spec_.config.prefill_threads);
      else warm_up(step, spec_.config.prefill_threads);
    }
    return total_s;
  };
  once(std::min(kWarmUpTokens, w.prompt_tokens), false);
  StopRule rule = StopRule::of(spec_.budget);
  rule.seconds /= 2;  // the other half is for decoding
  MultiplyRoof roof(decoder_.weights(), team_);
  std::vector<double> samples, multiply_rates;
  const auto multiply = [&](double sample_s) {
    const double seconds = std::clamp(kMultiplyingShare * sample_s, kMultiplyingLeast_s, kMultiplyingMost_s);
    multiply_rates.push_back(roof.ops_per_s(spec_.config.prefill_threads, seconds));
  };
  multiply(0);
  const double started_s = now_s();
  watch_.begin_samples();
  do {
    samples.push_back(w.prompt_tokens / once(w.prompt_tokens, true));
    watch_.end_sample();
    multiply(w.prompt_tokens / samples.back());
    on_sample_(kPrefill, samples.back());
  } while (stop(rule, samples, now_s() - started_s) == Stop::go_on);
  Measurement measured = summarise(kPrefill, "tokens/s", samples);
  label(measured, watch_.end_samples());
  tag_moving("the cores multiplied", multiply_rates, ops_per_s_text, measured);
  return {measured, summarise(kMultiplyRate, "operations/s", multiply_rates)};
}

std::vector<Measurement> StepTimer::decode() {
  const int threads = std::clamp(spec_.config.decode_threads, 1, team_.size());
  decoder_.assume(0, depth_);
  const auto token = [&](int i) {
    return StepToken{.token = tokens_[static_cast<std::size_t>(spec_.workload.prompt_tokens + i)],
                     .sequence = 0,
                     .position = depth_ + i,
                     .logits = true};
  };
  for (int i = 0; i < 2; ++i) {
    const StepToken first = token(i);
    warm_up({&first, 1}, threads);
  }
  decoder_.rewind(0, depth_);
  std::vector<double> rates, barriers;
  std::vector<std::vector<double>> waits(static_cast<std::size_t>(threads));
  double seconds = 0;
  int steps = 0;
  TeamCounters counters(team_, threads);
  counters.start();
  watch_.begin_samples();
  team_.reset_waits();  // those of counters are no step's
  for (int i = 0; i < spec_.workload.generate_tokens; ++i) {
    const StepToken next = token(i);
    seconds += step_s({&next, 1}, threads);
    if (++steps < kStepsPerSample && i + 1 < spec_.workload.generate_tokens) continue;
    rates.push_back(steps / seconds);
    watch_.end_sample();
    barriers.push_back(static_cast<double>(team_.barriers()) / steps);
    for (int rank = 0; rank < threads; ++rank)
      waits[static_cast<std::size_t>(rank)].push_back(team_.waited_s(rank) / seconds);
    team_.reset_waits();
    seconds = 0;
    steps = 0;
    on_sample_(kDecode, rates.back());
  }
  std::vector<Measurement> all = {summarise(kDecode, "tokens/s", rates)};
  label(all.front(), watch_.end_samples());
  for (const EventCount& each : counters.stop())
    all.push_back(summarise(kCounted + each.event, "per token", {static_cast<double>(each.count) / spec_.workload.generate_tokens}));
  no_counters_ = counters.why_no_hardware();
  if (threads == 1) return all;  // nobody to wait for
  for (std::size_t rank = 0; rank < waits.size(); ++rank)
    all.push_back(summarise(kBarrierWait + std::to_string(rank), "of a step", waits[rank]));
  all.push_back(summarise(kBarriers, "barriers", barriers));
  std::vector<double> empty;
  for (int i = 0; i < kEmptyBarrierSamples; ++i) empty.push_back(empty_barrier_s(team_, threads));
  all.push_back(summarise(kBarrier, "s", empty));
  return all;
}

std::vector<Measurement> StepTimer::together(int n, bool streams) {
  std::vector<double> samples, experts;
  for (int sample = -1; sample < kVerifySamples; ++sample) {
    std::vector<StepToken> step;
    for (int i = 0; i < n; ++i) {
      if (streams || i == 0) decoder_.assume(streams ? i : 0, depth_);
      step.push_back({.token = tokens_[static_cast<std::size_t>(i + (sample + 1) * n)],
                      .sequence = streams ? i : 0,
                      .position = streams ? depth_ : depth_ + i,
                      .logits = true});
    }
    if (sample < 0) {
      warm_up(step, spec_.config.decode_threads);
      watch_.begin_samples();
      continue;
    }
    const double seconds = step_s(step, spec_.config.decode_threads);
    samples.push_back(streams ? n / seconds : seconds);
    watch_.end_sample();
    if (const double used = mean_experts(decoder_); used > 0) experts.push_back(used);
  }
  const std::string name = fmt::format("{}/{}", streams ? "batch_tokens_per_s" : "verify_s", n);
  on_sample_(name, samples.back());
  std::vector<Measurement> all = {summarise(name, streams ? "tokens/s" : "s", samples)};
  label(all.front(), watch_.end_samples());
  if (!experts.empty()) all.push_back(summarise(fmt::format("{}/{}", streams ? "batch_experts" : "verify_experts", n), "experts a layer", experts));
  return all;
}

std::vector<Measurement> StepTimer::measure() {
  const Workload& w = spec_.workload;
  std::vector<Measurement> all;
  read_rate();  // a warm-up: the first pass after a load is slow
  std::vector<double> read_rates = {read_rate(), read_rate()};
  if (w.generate_tokens > 0) {
    all = spec_.config.draft_len > 0 ? time_drafts(decoder_, drafts_, spec_, team_, watch_, on_sample_) : decode();
    read_rates.push_back(read_rate());
    read_rates.push_back(read_rate());
    tag_moving("the memory read", read_rates, bytes_per_s_text, all.front());
  }
  if (w.prompt_tokens > 0)
    for (Measurement& each : prefill()) all.push_back(std::move(each));
  for (int n = 1; n <= w.verify_max; ++n)
    for (Measurement& each : together(n, false)) all.push_back(std::move(each));
  for (int n = 1; n <= w.streams_max; n *= 2)
    for (Measurement& each : together(n, true)) all.push_back(std::move(each));
  all.push_back(summarise(kReadBandwidth, "bytes/s", read_rates));
  for (const std::string& tag : watch_.tags())
    for (Measurement& each : all) {
      const bool said = std::any_of(each.disturbed.begin(), each.disturbed.end(), [&](const Disturbed& disturbed) {
        return tag.starts_with("noisy: " + disturbed.by);
      });
      if (!said) each.tags.push_back(tag);
    }
  return all;
}

}  // namespace oldiron
