#include "app/engine_tune.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/commands.hpp"
#include "app/tool_choice.hpp"
#include "app/your_line.hpp"
#include "app/version.hpp"
#include "core/accounting.hpp"
#include "core/forecast.hpp"
#include "core/text.hpp"
#include "kernels/gguf.hpp"
#include "probes/state.hpp"
#include "runner/engines/llama_bench.hpp"
#include "runner/engines/llama_perplexity.hpp"
#include "runner/engines/llama_server.hpp"
#include "runner/quality_trial.hpp"
#include "runner/signals.hpp"

namespace oldiron {

namespace {

// Guesses for the plan, before anything was loaded or computed. The first is of what is done with the bytes once they are
// read: copied, repacked, or generated.
constexpr double kTakeInBytesPerS = 0.7e9;
constexpr double kPrefillTokensPerS = 60;
constexpr double kDecodeTokensPerS = 5;
constexpr double kLlamaOfOurs = 0.5;  // its prefill: 12 % of the int8 peak where ours has 24 % at least (core/forecast.hpp)
constexpr int kVerifyMax = 8;
constexpr int kStreamsMax = 8;
constexpr int kQualityTexts = 8;
constexpr int kQualityTokens = 48;
// Of a text that a foreign engine reads.
constexpr int kReadChunks = 16;
constexpr int kReadChunkTokens = 256;
constexpr double kRead_s = 60;
// Of a llama-bench where the budget holds few trials; of ik_llama.cpp the first generation is not counted then.
constexpr int kFewSamples = 2, kFewSamplesOfIk = 3;

void print_plan(const TuneRecord& record, const TuneRequest& request, const Plan& plan) {
  if (record.storage) fmt::print(stderr, "model: {}\n", storage_text(*record.storage));
  const std::string later = request.reload_s > 0 && request.reload_s < request.load_s ? fmt::format(", later ones about {}", seconds_text(request.reload_s)) : "";
  fmt::print(stderr, "plan: about {} trials, {} load{} of the model (the first about {}{}), {} of the {} allowed\n",
             plan.trials.size(), plan.loads, plan.loads == 1 ? "" : "s", seconds_text(request.load_s), later,
             seconds_text(plan.expected_s), seconds_text(request.budget_s));
  if (plan.own_start_s > 0)
    fmt::print(stderr, "then the answer is started once more by its own line, in llama-server: about {}, {}\n", seconds_text(plan.own_start_s),
               plan.expected_s + plan.own_start_s <= request.budget_s ? "which is within the time allowed" : "which may end beyond the time allowed");
  if (record.cold && record.storage)
    fmt::print(stderr, "--cold: before each load the file is dropped from the page cache, {} of reading each time and about {} in all\n",
               seconds_text(record.storage->cold_load_s()), seconds_text(plan.loads * record.storage->cold_load_s()));
}

/// Says which program runs the trials, and why, where it is not llama-bench.
void print_tool(const TuneRequest& request, const Candidate& candidate, const YourLineRead& yours) {
  if (!is_for_server(request.base)) return;
  const BeyondBench beyond = beyond_bench(request, candidate);
  const std::string why = beyond.lever.empty() ? fmt::format("{} of your line: llama-bench cannot say it", yours.by_server) : beyond.why;
  fmt::print(stderr, "every trial runs through llama-server, so that all figures come from one program ({})\n", why);
}

/// Why a foreign engine's llama-perplexity says nothing of this model; empty if it does.
std::string why_no_text(const ModelSpec& model, const ModelRequest& request) {
  if (const std::string reason = why_no_quality(model); !reason.empty() || !is_file(request)) return reason;
  const GgufHeader header = read_gguf_header(request.model);
  const auto found = header.keys.find("tokenizer.ggml.model");
  const auto* name = found == header.keys.end() ? nullptr : std::get_if<std::string>(&found->second.values.at(0));
  return name == nullptr || *name == "none" || *name == "no_vocab" ? fmt::format("{} has no vocabulary, so that no engine reads a text with it", model.id) : "";
}

/// What reading the model's files takes at the first load, and at the later ones.
std::pair<double, double> reading_s(const TuneRecord& record, const ModelSpec& model) {
  if (!record.storage) return {0, 0};
  const Storage& storage = *record.storage;
  if (record.cold) return {storage.cold_load_s(), storage.cold_load_s()};
  // What memory cannot hold beside what the engine allocates is read again.
  const bool stays = model.bytes() + storage.file_bytes < usable_memory_bytes(record.state) + std::max<std::int64_t>(0, storage.cached_bytes);
  return {storage.load_s(), stays ? 0 : storage.load_s()};
}

void print_step(const Step& step, const Config& begin) {
  if (step.trial == nullptr) {
    const std::vector<std::string> different = differences(step.spec.config, begin);
    fmt::print(stderr, "{:>9}  trial {:<3} {:<8} {}{}\n", seconds_text(step.elapsed_s), step.number,
               step.stage, different.empty() ? "the defaults" : fmt::format("{}", fmt::join(different, " ")),
               step.expected_s > 0 ? fmt::format("  (about {})", seconds_text(step.expected_s)) : "");
    return;
  }
  const Trial& trial = *step.trial;
  std::string text;
  for (const auto& [metric, label] : {std::pair{kPrefill, "prefill"}, std::pair{kDecode, "decode"}})
    if (const Measurement* m = trial.find(metric))
      text += fmt::format("{} {} tokens/s  ", label, rate_text(m->median));
  const std::string_view status = to_string(trial.status);
  if (trial.status != Status::ok)
    text += trial.reason.starts_with(status) ? trial.reason : fmt::format("{}: {}", status, trial.reason);
  fmt::print(stderr, "{:>21}{}\n", "", text);
}

EngineTune run(const TuneRecord& record, const Candidate& candidate, Journal& journal, bool retry,
               const Evaluate& evaluate, const Progress& progress) {
  EngineTune tuned{.candidate = candidate,
                   .model = describe_model(candidate.request, cards_dir()),
                   .request = {},
                   .result = {}};
  tuned.request = request_for(record, candidate, tuned.model);
  tuned.not_compared = add_yours(record, candidate, tuned.model, tuned.request).not_compared;
  int asked = 0, ran = 0;
  const Evaluate counted = [&](const TrialSpec& spec) {
    ++ran;
    return evaluate(spec);
  };
  // What llama-bench measured is no answer where all trials are the server's.
  const std::string version = candidate.version + (is_for_server(tuned.request.base) ? " by llama-server" : "");
  const Evaluate remembering = remembered(journal, {version, fingerprint(record.machine), tuned.model.fingerprint}, counted, retry);
  tuned.result = tune(
      tuned.request, [&](const TrialSpec& spec) { return ++asked, remembering(spec); }, progress);
  tuned.remembered = asked - ran;
  return tuned;
}

/// Of the default once loaded, by what the machine was measured to do; by guess before that.
double likely_trial_s(const TuneRecord& record, const TuneRequest& request) {
  const bool own = request.base.engine == Engine::oldiron;
  const Workload& workload = record.workload;
  const Config config = start(request.space, request.machine, request.model);
  const std::int64_t context = workload.depth_tokens + workload.generate_tokens / 2;
  const Forecast forecast =
      oldiron::forecast(request.model, config, workload.prompt_tokens, context, ability_of(request.machine, request.profile, request.model, config));
  const double prefill = forecast.prefill_tokens_per_s.low * (request.base.engine == Engine::llama_cpp ? kLlamaOfOurs : 1);
  const double decode = forecast.decode_tokens_per_s.low;
  const int samples = request.base.budget.min_samples, generated = own ? workload.generate_tokens : request.search_generate_tokens;
  // A llama-bench warms up with a whole prompt.
  return (samples + (own ? 0 : 1)) * workload.prompt_tokens / (prefill > 0 ? prefill : kPrefillTokensPerS) +
         (own ? 1 : samples) * generated / (decode > 0 ? decode : kDecodeTokensPerS);
}

}  // namespace

std::string own_version() {
  static const std::string kVersion =
      fmt::format("oldiron {} ({})", version(), hex16(hash64(read_file("/proc/self/exe"))).substr(0, 8));
  return kVersion;
}

std::int64_t own_needs_bytes(const ModelSpec& model, const TrialSpec& spec) {
  const Workload& w = spec.workload;
  const std::int64_t context = w.depth_tokens + std::max(w.prompt_tokens, w.generate_tokens) + 64;
  const std::int64_t floats_per_token = 12 * model.embedding_length + 4 * model.feed_forward_length +
                                        2 * model.expert_used_count * model.expert_feed_forward_length;
  return model.bytes() +
         kv_bytes(model, context, std::max(1, w.streams_max), spec.config.ubatch, spec.config.kv_type) +
         spec.config.ubatch * floats_per_token * static_cast<std::int64_t>(sizeof(float));
}

TuneRequest request_for(const TuneRecord& record, const Candidate& candidate, const ModelSpec& model) {
  TuneRequest request;
  request.base.engine = candidate.engine;
  request.base.engine_dir = candidate.bench;
  request.base.model = candidate.request.model;
  request.base.type = candidate.request.type;
  request.base.card_head_type = candidate.request.head_type;
  request.base.layers = candidate.request.layers;
  request.base.workload = record.workload;
  request.budget_s = record.budget_s / static_cast<double>(record.candidates.size());
  request.base.budget = {.seconds = std::max(60.0, request.budget_s / 4), .min_samples = 3, .max_samples = 5};
  const bool own = candidate.engine == Engine::oldiron;
  if (own) {
    request.base.workload.verify_max = kVerifyMax;
    if (record.workload.streams_max == 0) request.base.workload.streams_max = kStreamsMax;
    request.base.draft_model = record.draft_model;
    request.why_no_quality = why_no_quality(model);
    if (request.why_no_quality.empty()) {
      request.base.workload.quality_texts = kQualityTexts;
      request.base.workload.quality_tokens = kQualityTokens;
    }
  } else {
    request.why_no_quality = why_no_text(model, candidate.request);
    if (request.why_no_quality.empty()) {
      request.base.workload.quality_texts = kReadChunks;
      request.base.workload.quality_tokens = kReadChunkTokens;
      request.quality_read_s = kRead_s;
      request.quality_name = record.quality_name;
    }
  }
  request.keeps_model = own;
  request.few_samples = own ? 0 : candidate.engine == Engine::ik_llama ? kFewSamplesOfIk : kFewSamples;
  request.space =
      default_space(candidate.engine, record.machine, usable_threads(record.machine, record.state), model,
                    !is_file(candidate.request));
  for (const auto& [name, values] : record.settings) {
    const bool automatic = name.ends_with("_threads") && values == "0";
    // Our own engine decodes without drafts beside each trial with them.
    const bool several = !own && values.find(',') != std::string::npos;
    const bool beside_none = name == "draft_len" && several, beside_as_is = name == "head_type" && several;
    override_axis(request.space, name,
                  automatic     ? std::to_string(usable_threads(record.machine, record.state))
                  : beside_none ? "0," + values
                  : beside_as_is ? "as_is," + values
                                : values);
  }
  request.machine = record.machine;
  request.model = model;
  if (!own && record.settings.contains("draft_len")) request.base.draft_model = record.draft_model;
  choose_tool(record, candidate, request);
  request.starts_answer = !candidate.server.empty();
  request.profile = record.profile;
  request.max_trials = record.max_trials;
  request.base.cold = record.cold && !own;
  const auto [first_s, later_s] = reading_s(record, model);
  const double take_in_s = static_cast<double>(model.bytes()) / kTakeInBytesPerS;
  request.load_s = take_in_s + first_s;
  request.reload_s = take_in_s + later_s;
  request.trial_s = likely_trial_s(record, request);
  request.interrupted = interrupted;
  return request;
}

EngineTune tune_engine(const TuneRecord& record, const Candidate& candidate, EngineSet& engines,
                       Journal& journal, bool retry, const std::vector<MeterWatch*>& meters, double quiet_wait_s) {
  const ModelSpec model = describe_model(candidate.request, cards_dir());
  TuneRequest request = request_for(record, candidate, model);
  const YourLineRead yours = add_yours(record, candidate, model, request);
  print_plan(record, request, estimate(request, request.load_s, request.trial_s));
  print_tool(request, candidate, yours);
  for (const std::string& each : yours.not_compared) fmt::print(stderr, "not in the comparison: {}\n", each);
  TrialEngine* runner = engines.find(request.base);
  CHECK(runner != nullptr, "the candidate's engine is in the set");
  TrialContext context;
  context.machine_fingerprint = fingerprint(record.machine);
  context.model_fingerprint = model.fingerprint;
  // A short tune is not spent on waiting.
  constexpr double kWaitShare = 0.05;
  NoiseGate gate(quiet_wait_s >= 0 ? quiet_wait_s : std::min(kQuietPatience_s, kWaitShare * record.budget_s));
  context.gate = &gate;
  context.meters = meters;
  context.read_state = [leave_bytes = record.state.leave_memory_bytes] {
    MachineState state = read_state();
    state.leave_memory_bytes = leave_bytes;
    return state;
  };
  int repetition = 0;
  const Evaluate evaluate = [&](const TrialSpec& spec) {
    // Repetitions are for comparing fresh processes: what a long-lived one has, a person's next start will
    // not have.
    if (spec.repetition != repetition) runner->retire();
    repetition = spec.repetition;
    context.needs_bytes = spec.engine == Engine::oldiron          ? own_needs_bytes(model, spec)
                          : spec.workload.quality_texts > 0 ? perplexity_needs_bytes(spec, model)
                                                            : needs_bytes(spec, model);
    try {
      return run_trial(spec, engines, context);
    } catch (const Interrupted&) {
      throw StopTune();
    }
  };
  const Config begin = start(request.space, record.machine, model);
  return run(record, candidate, journal, retry, evaluate, [&](const Step& step) { print_step(step, begin); });
}

EngineTune replay_engine(const TuneRecord& record, const Candidate& candidate, Journal& journal) {
  EngineTune replayed =
      run(record, candidate, journal, false, [](const TrialSpec&) -> Trial { throw StopTune(); }, {});
  replayed.remembered = candidate.remembered;
  return replayed;
}

}  // namespace oldiron
