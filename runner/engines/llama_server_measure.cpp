// What a running llama-server is asked, and what its answers say.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/text.hpp"
#include "runner/engines/llama_server.hpp"
#include "runner/engines/server_answer.hpp"
#include "runner/step_timer.hpp"

namespace oldiron {
namespace {

using Ids = std::vector<std::int32_t>;

constexpr int kServerWarmUpTokens = 4;
constexpr std::uint64_t kMostTexts = 16;

/// It ended as no trial can go on from.
struct Stopped {
  EndVerdict verdict;
};

Json request(const Ids& prompt, int tokens, std::uint64_t seed, bool cached = false) {
  // Drawn from the likeliest 64: a greedy text of generated weights repeats one token, and with it the experts of that token.
  return {{"prompt", prompt},       {"n_predict", tokens}, {"stream", true}, {"cache_prompt", cached},
          {"ignore_eos", true},     {"temperature", 1.0},  {"top_k", 64},    {"samplers", {"top_k", "temperature"}},
          {"seed", seed % (1u << 31)}};
}

/// What of a trial asks for drafts; empty: nothing.
std::string asked_drafts(const TrialSpec& spec) {
  if (spec.config.draft_len > 0) return fmt::format("draft_len={}", spec.config.draft_len);
  const auto asks = std::find(spec.more_flags.begin(), spec.more_flags.end(), "--spec-type");
  return asks != spec.more_flags.end() && asks + 1 != spec.more_flags.end() && asks[1] != "none" ? "--spec-type " + asks[1] : "";
}

class Asker {
 public:
  Asker(RunningServer& server, int vocab_size, double deadline_s, Trial& trial)
      : server_(server), vocab_size_(vocab_size), deadline_s_(deadline_s), trial_(trial), workload_(trial.spec.workload) {}

  void measure() {
    one(request(ids(kServerWarmUpTokens), kServerWarmUpTokens, 1));
    const int samples = std::max(1, trial_.spec.budget.min_samples);
    if (workload_.prompt_tokens > 0) measure_prefill(samples);
    if (workload_.generate_tokens > 0) measure_decode(samples);
    for (int streams = 1; workload_.generate_tokens > 0 && streams <= workload_.streams_max; streams *= 2) measure_streams(streams, samples);
    if (const std::string drafts = asked_drafts(trial_.spec); !drafts.empty() && workload_.generate_tokens > 0)
      for (Measurement& each : trial_.measurements)
        each.tags.push_back(fmt::format("{}: {}", drafts, drafted_ == 0 ? kNoDrafts : "tried on text that the model made of random tokens; other text is drafted better or worse"));
    if (drafted_ > 0)
      trial_.measurements.push_back(summarise("draft_accepted_share", "share", {static_cast<double>(accepted_) / static_cast<double>(drafted_)}));
  }

 private:
  /// Token ids that no earlier prompt began with.
  Ids ids(int count) { return token_ids(workload_.seed + 0x10000 * ++prompts_, static_cast<std::size_t>(count), vocab_size_); }

  std::vector<Completion> all(const std::vector<Json>& requests) {
    std::vector<Completion> read;
    for (const HttpAnswer& answer : server_.ask(requests, deadline_s_)) {
      if (!answer.ok()) throw Stopped{server_.why_no_answer(answer)};
      read.push_back(read_completion(answer));
      drafted_ += read.back().drafted_tokens;
      accepted_ += read.back().accepted_tokens;
    }
    return read;
  }

  Completion one(const Json& request) { return all({request}).front(); }

  void measure_prefill(int samples) {
    const Ids context = ids(workload_.depth_tokens);
    std::vector<double> rates, delays;
    for (int i = 0; i < samples; ++i) {
      Ids prompt = context;
      const Ids fresh = ids(workload_.prompt_tokens);
      prompt.insert(prompt.end(), fresh.begin(), fresh.end());
      const bool cached = !context.empty();
      if (cached) one(request(context, 1, workload_.seed, true));
      const Completion answer = one(request(prompt, 2, workload_.seed, cached));
      if (answer.prompt_tokens != workload_.prompt_tokens)
        throw Stopped{{Status::unsupported, fmt::format("llama-server computed {} tokens of a prompt of {} behind {}: it cannot begin there",
                                                        answer.prompt_tokens, workload_.prompt_tokens, workload_.depth_tokens)}};
      rates.push_back(answer.prefill_tokens_per_s());
      delays.push_back(answer.first_token_s);
    }
    trial_.measurements.push_back(summarise(kPrefill, "tokens/s", rates));
    trial_.measurements.push_back(summarise(kFirstToken, "s", delays));
  }

  Json generation(std::uint64_t seed, int depth) { return request(ids(depth + 1), workload_.generate_tokens + 1, seed); }

  bool whole(const Completion& answer) const { return answer.predicted_tokens > workload_.generate_tokens; }

  void check_length(const Completion& answer) const {
    if (!whole(answer)) throw Error(fmt::format("llama-server generated {} tokens, asked were {}", answer.predicted_tokens, workload_.generate_tokens + 1));
  }

  /// ik_llama.cpp's ignore_eos knows one of several tokens that end a text: another text may go on for as long as was asked.
  Completion generated(std::uint64_t seed, int depth) {
    Completion answer = one(generation(seed, depth));
    for (std::uint64_t tries = 1; tries < kMostTexts && !whole(answer); ++tries) answer = one(generation(seed + (tries << 16), depth));
    check_length(answer);
    return answer;
  }

  void measure_decode(int samples) {
    std::vector<double> rates;
    for (int i = 0; i < samples; ++i) {
      rates.push_back(generated(workload_.seed + static_cast<std::uint64_t>(i), workload_.depth_tokens).decode_tokens_per_s());
    }
    trial_.measurements.push_back(summarise(kDecode, "tokens/s", rates));
  }

  void measure_streams(int streams, int samples) {
    std::vector<double> rates;
    for (int i = 0; i < samples; ++i) {
      std::vector<Json> requests;
      for (int stream = 0; stream < streams; ++stream)
        requests.push_back(generation(workload_.seed + static_cast<std::uint64_t>(streams * i + stream), 0));
      double sum = 0;
      for (const Completion& answer : all(requests)) {
        check_length(answer);
        sum += answer.decode_tokens_per_s();
      }
      rates.push_back(sum);
    }
    trial_.measurements.push_back(summarise(fmt::format("batch_tokens_per_s/{}", streams), "tokens/s", rates));
  }

  RunningServer& server_;
  int vocab_size_;
  double deadline_s_;
  Trial& trial_;
  const Workload& workload_;
  std::uint64_t prompts_ = 0;
  std::int64_t drafted_ = 0, accepted_ = 0;
};

}  // namespace

void measure_server(RunningServer& server, int vocab_size, double deadline_s, Trial& trial) {
  try {
    Asker(server, vocab_size, deadline_s, trial).measure();
    trial.status = Status::ok;
    trial.reason.clear();
    return;
  } catch (const Stopped& stopped) {
    trial.status = stopped.verdict.status;
    trial.reason = stopped.verdict.reason;
  } catch (const Error& error) {
    trial.status = Status::failed;
    trial.reason = error.what();
  }
  trial.measurements.clear();
}

}  // namespace oldiron
