#include "app/engine_tune.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/commands.hpp"
#include "app/version.hpp"
#include "core/accounting.hpp"
#include "core/text.hpp"
#include "probes/state.hpp"
#include "runner/engines/llama_bench.hpp"
#include "runner/quality_trial.hpp"
#include "runner/signals.hpp"

namespace oldiron {

namespace {

// Guesses for the plan, before anything was loaded or computed.
constexpr double kLoadBytesPerS = 0.7e9;
constexpr double kPrefillTokensPerS = 60;
constexpr double kDecodeTokensPerS = 5;
constexpr int kVerifyMax = 8;
constexpr int kStreamsMax = 8;
constexpr int kQualityTexts = 8;
constexpr int kQualityTokens = 48;

void print_plan(const TuneRequest& request, const Plan& plan) {
  fmt::print(stderr, "plan: about {} trials, {} load{} of the model, {} of the {} allowed\n",
             plan.trials.size(), plan.loads, plan.loads == 1 ? "" : "s", seconds_text(plan.expected_s),
             seconds_text(request.budget_s));
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
  int asked = 0, ran = 0;
  const Evaluate counted = [&](const TrialSpec& spec) {
    ++ran;
    return evaluate(spec);
  };
  const Evaluate remembering = remembered(
      journal, {candidate.version, fingerprint(record.machine), tuned.model.fingerprint}, counted, retry);
  tuned.result = tune(
      tuned.request, [&](const TrialSpec& spec) { return ++asked, remembering(spec); }, progress);
  tuned.remembered = asked - ran;
  return tuned;
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
    request.base.workload.streams_max = kStreamsMax;
    request.base.draft_model = record.draft_model;
    request.why_no_quality = why_no_quality(model);
    if (request.why_no_quality.empty()) {
      request.base.workload.quality_texts = kQualityTexts;
      request.base.workload.quality_tokens = kQualityTokens;
    }
  } else {
    request.why_no_quality = "not measured: oldiron measures it with its own kernels only";
  }
  request.keeps_model = own;
  request.space =
      default_space(candidate.engine, record.machine, usable_threads(record.machine, record.state), model,
                    !is_file(candidate.request));
  for (const auto& [name, values] : record.settings) {
    const bool automatic = name.ends_with("_threads") && values == "0";
    override_axis(request.space, name,
                  automatic ? std::to_string(usable_threads(record.machine, record.state)) : values);
  }
  request.machine = record.machine;
  request.model = model;
  request.profile = record.profile;
  request.max_trials = record.max_trials;
  request.load_s = static_cast<double>(model.bytes()) / kLoadBytesPerS;
  request.trial_s = request.base.budget.min_samples * record.workload.prompt_tokens / kPrefillTokensPerS +
                    record.workload.generate_tokens / kDecodeTokensPerS;
  request.interrupted = interrupted;
  return request;
}

EngineTune tune_engine(const TuneRecord& record, const Candidate& candidate, EngineSet& engines,
                       Journal& journal, bool retry, const std::vector<MeterWatch*>& meters) {
  const ModelSpec model = describe_model(candidate.request, cards_dir());
  const TuneRequest request = request_for(record, candidate, model);
  print_plan(request, estimate(request, request.load_s, request.trial_s));
  TrialEngine* runner = engines.find(request.base);
  CHECK(runner != nullptr, "the candidate's engine is in the set");
  TrialContext context;
  context.machine_fingerprint = fingerprint(record.machine);
  context.model_fingerprint = model.fingerprint;
  // A short tune is not spent on waiting.
  constexpr double kWaitShare = 0.05;
  NoiseGate gate(std::min(kQuietPatience_s, kWaitShare * record.budget_s));
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
    context.needs_bytes =
        spec.engine == Engine::oldiron ? own_needs_bytes(model, spec) : needs_bytes(spec, model);
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
