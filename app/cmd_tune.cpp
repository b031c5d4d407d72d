#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "app/cold_file.hpp"
#include "app/commands.hpp"
#include "app/engine_tune.hpp"
#include "app/foreign_engines.hpp"
#include "app/head_files.hpp"
#include "app/make_report.hpp"
#include "app/quality_text.hpp"
#include "app/replay_tunes.hpp"
#include "app/served_line.hpp"
#include "app/tune_meters.hpp"
#include "app/tune_storage.hpp"
#include "app/write_report.hpp"
#include "app/your_line.hpp"
#include "core/accounting.hpp"
#include "core/clock.hpp"
#include "core/text.hpp"
#include "kernels/architecture.hpp"
#include "kernels/gguf.hpp"
#include "kernels/speculation/make_drafter.hpp"
#include "probes/cyclic_read.hpp"
#include "probes/probe_machine.hpp"
#include "probes/state.hpp"
#include "runner/memory_guard.hpp"
#include "runner/signals.hpp"
#include "runner/worker.hpp"

namespace oldiron {

namespace {

namespace fs = std::filesystem;

// Types of a card from the largest down: what to fall back on when a model does not fit.
constexpr const char* kTypesBySize[] = {"q8_0", "q6_k", "q5_k", "q4_0"};

// Of the time of a tune, for reading one token's bytes again and again.
constexpr double kCyclicShare = 0.02;

ModelRequest full_request(ModelRequest request) {
  if (is_file(request)) return request;
  if (request.type.empty()) request.type = "q4_0";
  if (request.head_type.empty() && request.type == "q4_0") request.head_type = "q6_k";
  return request;
}

// The first line a person sees when it cannot work: what it needs, what there is, and what would fit instead.
std::string does_not_fit(const MachineState& state, const ModelRequest& request, const ModelSpec& model,
                         std::int64_t needs) {
  const std::int64_t has = usable_memory_bytes(state);
  std::string text =
      fmt::format("{} does not fit: it needs {} and {} can be had here", model.id,
                  bytes_text(static_cast<double>(needs)), bytes_text(static_cast<double>(has)));
  if (is_file(request))
    return text + "; choose a file of a smaller type, below " + bytes_text(static_cast<double>(has));
  for (const char* type : kTypesBySize) {
    ModelRequest smaller = request;
    smaller.type = type;
    smaller.head_type.clear();
    const ModelSpec other = describe_model(smaller, cards_dir());
    TrialSpec spec;
    spec.config.ubatch = 512;
    if (own_needs_bytes(other, spec) > has) continue;
    std::int64_t context = 1024;
    while (context * 2 <= other.context_length &&
           other.bytes() + kv_bytes(other, context * 2, 1, 512, KvType::f16) < has)
      context *= 2;
    return text + fmt::format("; the largest type that fits is {} ({}), with up to {} tokens of context",
                              type, bytes_text(static_cast<double>(other.bytes())), context);
  }
  return text + "; no type of it fits: add memory or choose a smaller model";
}

// Fit is judged before anything is measured or written.
void check_fit(const ModelRequest& request, const ModelSpec& model, const MachineState& state, const Workload& workload) {
  const std::int64_t tokens = std::int64_t{workload.depth_tokens} + std::max(workload.prompt_tokens, workload.generate_tokens);
  if (workload.depth_tokens > 0 && model.context_length > 0 && tokens > model.context_length)
    throw Error(fmt::format("--depth {}: a turn would end behind {} tokens, and {} was made for {}; choose less", workload.depth_tokens, tokens, model.id,
                            model.context_length));
  const std::int64_t has = usable_memory_bytes(state);
  TrialSpec spec;
  if (const std::int64_t needs = own_needs_bytes(model, spec); needs > has) throw Error(does_not_fit(state, request, model, needs));
  spec.workload = workload;
  if (const std::int64_t needs = own_needs_bytes(model, spec); needs > has)
    throw Error(fmt::format("{} fits, but not with --depth {} and --streams {}: that needs {}, and {} can be had here; choose less", model.id, workload.depth_tokens,
                            workload.streams_max, bytes_text(static_cast<double>(needs)), bytes_text(static_cast<double>(has))));
}

void choose_own(const ModelRequest& request, const ModelSpec& model, TuneRecord& record) {
  if (const std::string reason = why_not_run(model); !reason.empty()) throw Error(reason);
  record.candidates.push_back(
      {.engine = Engine::oldiron, .bench = "", .version = own_version(), .request = request});
}

void check_settings(const TuneRecord& record, const ModelSpec& model) {
  for (const Candidate& candidate : record.candidates) {
    if (candidate.engine == Engine::oldiron && is_file(candidate.request) && !asked_heads(record).empty())
      throw Error("--head_type: our own engine quantises no file's head again; with --engine DIR llama-quantize does");
    const Config begin = start(request_for(record, candidate, model).space, record.machine, model);
    if (const std::string reason = why_invalid(begin, record.machine, model); !reason.empty())
      throw Error(reason);
    const int threads = std::max(begin.decode_threads, begin.prefill_threads);
    if (const std::string reason = why_too_many_threads(threads, record.state); !reason.empty())
      throw Error(reason);
  }
}

// What drafts gain is what a real text accepts of them.
void check_drafts(const TuneRecord& record, const ModelSpec& model) {
  const auto lengths = record.settings.find("draft_len");
  if (lengths == record.settings.end() || lengths->second == "0") return;
  if (model.synthetic)
    throw Error(fmt::format("--draft_len {}: the weights of {} are generated, and what they accept says nothing of a real model; leave "
                            "it out, and the report says how much must be accepted for drafts to pay",
                            lengths->second, model.id));
  const auto kinds = record.settings.find("draft_kind");
  const std::string listed = kinds == record.settings.end() ? "ngram" : kinds->second;
  std::optional<ModelSpec> draft;
  if (!record.draft_model.empty()) {
    const ModelRequest named = {.model = record.draft_model, .type = {}, .head_type = {}};
    if (record.candidates.front().engine != Engine::oldiron && !is_file(named))
      throw Error(fmt::format("--draft-model {}: a foreign engine drafts with a GGUF file, and this is none", record.draft_model));
    draft = describe_model(named, cards_dir());
  }
  for (const DraftKind kind : {DraftKind::ngram, DraftKind::model, DraftKind::mtp}) {
    const std::string name = lever("draft_kind").get(Config{.draft_kind = kind});
    if (("," + listed + ",").find("," + name + ",") == std::string::npos) continue;
    if (const std::string reason = why_no_draft(kind, model, draft ? &*draft : nullptr); !reason.empty()) throw Error(reason);
  }
}

// `found`: the foreign engines in the order of the candidates; empty if our own is the candidate.
EngineSet start_engines(const std::vector<ForeignEngine>& found, const ModelRequest& request,
                        const std::string& out_dir, TuneRecord& record, TuneMeters& meters, MemoryGuard& memory) {
  EngineSet engines;
  if (found.empty()) {
    WorkerOptions options{.version = own_version()};
    if (is_file(request)) {
      look_at_storage(files_of(request.model), out_dir, record);
      // A later load may come from storage again: four times what that takes is no hang.
      options.load_limit_floor_s += 4 * std::max(record.storage->load_s(), record.storage->cold_load_s());
    }
    options.why_stop = [&memory] { return memory.why_stop(); };
    options.on_event = [&meters](const WorkerEvent& event) {
      if (event.event == "sample") meters.mark(event.name);
    };
    engines.add(Engine::oldiron, "", std::make_unique<Worker>(std::move(options)));
    return engines;
  }
  add_foreign_engines(found, request, out_dir, record, memory, engines);
  return engines;
}

// A resumed tune keeps the bandwidth it began with, so that it takes the same path.
void fill_profile(TuneRecord& record, const ModelSpec& model, const std::string& out_dir) {
  if (const auto earlier = load_record(out_dir);
      earlier && fingerprint(earlier->machine) == fingerprint(record.machine) &&
      usable_threads(earlier->machine, earlier->state) == usable_threads(record.machine, record.state)) {
    fmt::print(stderr, "memory bandwidth of {} is used again\n", earlier->created);
    record.profile = earlier->profile;
    record.cyclic = earlier->cyclic;
    record.created = earlier->created;
    return;
  }
  fmt::print(stderr, "measuring the memory bandwidth\n");
  record.profile = measure_profile(record.machine, record.state, [](const std::string&) {});
  // At the depth that the decode is measured at, with the model's own experts.
  const Config config;
  const std::int64_t context = record.workload.depth_tokens + record.workload.generate_tokens / 2;
  const double token_bytes = bytes_per_token(model, config.n_experts, context, config.kv_type).total();
  CyclicPlan plan =
      plan_cyclic_read(record.machine, record.state, record.profile, static_cast<std::int64_t>(token_bytes));
  plan.budget_s = std::min(plan.budget_s, kCyclicShare * record.budget_s);
  record.cyclic = measure_cyclic_read(plan);
}

// The answer's line in a fresh process, as a person starts it.
void serve(EngineTune& tune, const TuneRecord& record, const std::vector<ForeignEngine>& found, const std::string& out_dir, MemoryGuard& memory,
           Journal& journal) {
  for (const ForeignEngine& engine : found) {
    if (engine.bench.bench != tune.candidate.bench || !tune.result.lossless) continue;
    const ServeSetup setup = {.server = engine.server, .log_dir = out_dir + "/logs", .why_stop = [&memory] { return memory.why_stop(); }};
    fmt::print(stderr, "{}\n", setup.server ? fmt::format("starting the answer's line afresh (about {})", seconds_text(serving_s(tune)))
                                          : "the answer's line is not started: " + setup.server.reason());
    if (auto served = serve_answer(tune, record, setup, journal)) tune.served = std::make_shared<ServedLine>(std::move(*served));
    if (tune.served && tune.served->trial.status != Status::ok) fmt::print(stderr, "{:>21}{}\n", "", tune.served->trial.reason);
  }
}

void check_line(const Options& options) {
  if (!options.rest.empty() && !options.baseline)
    throw Error("tune: words stand behind --, but --baseline is not given; write --baseline -- LINE to compare with a line");
  if (options.baseline && options.engine_dir.empty())
    throw Error("--baseline: it compares lines of a llama.cpp or ik_llama.cpp, whose folder --engine names");
  if (options.cold && options.engine_dir.empty())
    throw Error("--cold: our own engine loads its model once and keeps it; it is for foreign engines (--engine DIR)");
}

}  // namespace

int cmd_tune(const Options& options) {
  install_interrupt_handlers();
  PowerRequest power_request;
  if (!options.watts.empty()) power_request = parse_watts(options.watts);
  power_request.command = options.power_command;
  const std::int64_t leave_bytes = options.leave_memory.empty() ? 0 : parse_bytes("--leave-memory", options.leave_memory);
  leave_cores(options.leave_cores);
  TuneRecord record{
      .created = utc_now(),
      .machine = read_machine(),
      .state = read_state("/", 0.2),
      .profile = {},
      .profile_after = {},
      .workload = {.prompt_tokens = options.prompt_tokens,
                   .generate_tokens = options.generate_tokens,
                   .depth_tokens = options.depth_tokens,
                   .streams_max = options.streams},
      .budget_s = options.budget_s,
      .max_trials = options.max_trials,
      .draft_model = options.draft_model,
      .settings = options.settings,
      .candidates = {},
      .rejected = {}};
  record.state.leave_memory_bytes = leave_bytes;
  record.cold = options.cold;
  record.baseline = options.rest;
  check_line(options);
  take_text(options.quality_text, !options.engine_dir.empty(), record);
  // Everything that can be refused is judged before anything is measured or written.
  ModelRequest asked = options.model;
  if (const std::string of_line = options.rest.empty() ? "" : model_of_line(options.rest); !of_line.empty() && !options.model_given)
    asked.model = first_gguf_part(of_line);
  const ModelRequest request = full_request(asked);
  const ModelSpec model = describe_model(request, cards_dir());
  check_fit(request, model, record.state, record.workload);
  std::vector<ForeignEngine> found;
  if (options.engine_dir.empty()) choose_own(request, model, record);
  else found = choose_foreign(options.engine_dir, request, model, record);
  check_settings(record, model);
  check_drafts(record, model);
  if (record.cold && is_file(request)) check_cold(files_of(request.model));

  record.tariff = options.tariff;
  TuneMeters meters(power_request, options.count_traffic, record);
  MemoryGuard memory(leave_bytes);

  make_out_dir(options.out);
  Journal journal(options.out + "/journal.sqlite");
  EngineSet engines = start_engines(found, request, options.out, record, meters, memory);
  fill_profile(record, model, options.out);
  save_record(record, options.out);

  std::vector<EngineTune> tunes;
  for (Candidate& candidate : record.candidates) {
    if (record.candidates.size() > 1) fmt::print(stderr, "{}\n", candidate.version);
    tunes.push_back(tune_engine(record, candidate, engines, journal, options.retry, meters.watches(), options.quiet_wait_s));
    engines.retire_all_but(nullptr);
    if (tunes.back().result.stopped_by == StoppedBy::signal) {
      fmt::print(stderr, "stopped; the same command goes on where this ended\n");
      return kExitInterrupted;
    }
    candidate.remembered = tunes.back().remembered;
    try {
      serve(tunes.back(), record, found, options.out, memory, journal);
    } catch (const Interrupted&) {
      fmt::print(stderr, "stopped; the same command goes on where this ended\n");
      return kExitInterrupted;
    }
  }
  fmt::print(stderr, "measuring the memory bandwidth again\n");
  MachineState after = read_state();
  after.leave_memory_bytes = leave_bytes;
  record.profile_after = measure_profile(record.machine, after, [](const std::string&) {});
  save_record(record, options.out);
  const reports::Report report = make_report(record, tunes, options.out);
  fmt::print("{}", write_report(report, options.out));
  return report.lossless ? 0 : 1;
}

int cmd_report(const Options& options) {
  auto record = load_record(options.out);
  if (!record)
    throw Error(fmt::format("{}: no tune was made in this folder; run oldiron tune --out {} first",
                            options.out, options.out));
  if (options.tariff.price_per_kwh > 0) record->tariff.price_per_kwh = options.tariff.price_per_kwh;
  if (options.tariff.hours_per_day < 24) record->tariff.hours_per_day = options.tariff.hours_per_day;
  Journal journal(options.out + "/journal.sqlite");
  fmt::print("{}", write_report(make_report(*record, replay_tunes(*record, journal), options.out), options.out));
  return 0;
}

}  // namespace oldiron
