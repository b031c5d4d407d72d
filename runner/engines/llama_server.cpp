// llama-server of either engine: the command line of a trial, and the adapter.
#include "runner/engines/llama_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <cmath>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "runner/command_words.hpp"
#include "runner/engines/llama_bench.hpp"
#include "runner/keep_log.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;
using Argv = std::vector<std::string>;

constexpr const char* kServer = "llama-server";
constexpr int kMostPorts = 3;

Available<Argv> cannot_serve(std::string reason) { return Available<Argv>::not_available(std::move(reason)); }

/// Padded as both engines do.
int cells(const Workload& w) {
  constexpr int kPadding = 256;
  const int tokens = w.depth_tokens + std::max(w.prompt_tokens, w.generate_tokens) + 8;
  return (tokens + kPadding - 1) / kPadding * kPadding;
}

std::string draft_type(DraftKind kind, Engine engine) {
  const bool ik = engine == Engine::ik_llama;
  switch (kind) {
    case DraftKind::ngram:
      return "ngram-simple";
    case DraftKind::model:
      return ik ? "draft" : "draft-simple";
    case DraftKind::mtp:
      return ik ? "mtp" : "draft-mtp";
  }
  return "";
}

Available<Argv> draft_argv(const TrialSpec& spec, const FoundTool& found) {
  const Config& config = spec.config;
  if (config.draft_len == 0) return Argv{};
  const std::string type = draft_type(config.draft_kind, found.engine), length = std::to_string(config.draft_len);
  Argv argv;
  if (found.engine == Engine::ik_llama && found.knows("--spec-type")) {
    argv = {"--spec-type", type + ":n_max=" + length};
  } else if (found.knows("--spec-type")) {
    argv = {"--spec-type", type, "--spec-draft-n-max", length};
  } else if (found.knows("--draft-max") && config.draft_kind == DraftKind::model) {
    argv = {"--draft-max", length, "--draft-min", "0"};  // as llama.cpp was told before it had several kinds of drafters
  } else {
    return cannot_serve(fmt::format("draft_len={}: its --help lists no --spec-type{}", config.draft_len,
                                    found.knows("--draft-max") ? "; this build drafts with a model alone (--draft_kind model)" : ""));
  }
  if (config.draft_kind == DraftKind::ngram) return argv;
  if (spec.draft_model.empty()) return cannot_serve("draft_kind: it needs a file that drafts (--draft-model)");
  argv.insert(argv.end(), {"-md", spec.draft_model});
  return argv;
}

class LlamaServer : public TrialEngine {
 public:
  LlamaServer(FoundTool found, ModelSpec model, ServerOptions options)
      : found_(std::move(found)), model_(std::move(model)), options_(std::move(options)) {}

  std::string version() override { return found_.version; }

  Trial run(const TrialSpec& spec) override {
    Trial trial;
    trial.spec = spec;
    trial.provenance.engine_version = found_.version;
    const Available<Argv> argv = server_argv(spec, found_, model_);
    if (!argv) {
      trial.status = Status::unsupported;
      trial.reason = argv.reason();
      return trial;
    }
    run_on_server({.vocab_size = model_.vocab_size, .seconds = spec.budget.seconds, .log_dir = options_.log_dir},
                  [&](int port) { return start_of(*argv, port, trial); }, trial);
    return trial;
  }

 private:
  ServerStart start_of(const Argv& argv, int port, Trial& trial) const {
    ServerStart start;
    start.port = port;
    if (found_.knows("--api-key")) start.api_key = new_api_key();
    start.model = trial.spec.model;
    start.model_bytes = model_.bytes();
    start.patience_s = options_.patience_s > 0 ? options_.patience_s : load_patience_s(start.model_bytes);
    start.watch = options_.watch;
    start.guard_program = options_.guard_program;
    Argv line = words_before(trial.spec, options_.machine);
    line.insert(line.end(), argv.begin(), argv.end());
    // A cache of earlier prompts is memory that no trial asks for.
    const auto given = [&](const char* flag) { return std::find(argv.begin(), argv.end(), flag) != argv.end(); };
    if (found_.knows("-cram") && !given("-cram") && !given("--cache-ram")) line.insert(line.end(), {"-cram", "0"});
    line.insert(line.end(), {"--host", "127.0.0.1", "--port", std::to_string(port)});
    trial.provenance.command = line;  // without the key, which is nobody's business
    if (!start.api_key.empty() && !found_.reads_key) line.insert(line.end(), {"--api-key", start.api_key});
    start.command = options_.command ? options_.command(line) : command_of(line);
    if (!start.api_key.empty() && found_.reads_key) start.command.env.emplace_back("LLAMA_API_KEY", start.api_key);
    return start;
  }

  FoundTool found_;
  ModelSpec model_;
  ServerOptions options_;
};

/// True if it had its port; without it, another may be free.
bool had_port(const ServerStart& start, const ServerRun& run, Trial& trial) {
  RunningServer server(start);
  if (const auto failure = server.wait_ready()) {
    trial.status = failure->status;
    trial.reason = failure->reason;
  } else {
    trial.provenance.load_s = server.load_s();
    measure_server(server, run.vocab_size, run.seconds > 0 ? now_s() + run.seconds : HUGE_VAL, trial);
  }
  const CommandResult result = server.end();
  trial.provenance.peak_rss_bytes = result.end.max_rss_bytes;
  trial.provenance.log_path = keep_log(run.log_dir, trial.spec.engine, trial.provenance.command, result.out, result.err);
  if (!result.end.stopped_for.empty()) {  // by Command::why_stop
    trial.measurements.clear();
    trial.status = Status::failed;
    trial.reason = "llama-server " + how_it_ended(result.end);
  }
  return !server.port_taken();
}

}  // namespace

void run_on_server(const ServerRun& run, const std::function<ServerStart(int port)>& start_on, Trial& trial) {
  try {
    int port = free_port(run.port);
    for (int tries = 0; tries < kMostPorts && !had_port(start_on(port), run, trial); ++tries) port = free_port();
  } catch (const Error& error) {
    trial.measurements.clear();
    trial.status = Status::failed;
    trial.reason = error.what();
  }
}

bool is_for_server(const TrialSpec& spec) { return fs::path(spec.engine_dir).filename() == kServer; }

std::string new_api_key() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

Available<FoundTool> find_server(const FoundEngine& bench, const RunCommand& run) {
  return find_tool_beside(bench, kServer, {"--port", "--host", "-c"}, run);
}

Available<Argv> server_argv(const TrialSpec& spec, const FoundTool& found, const ModelSpec& model, int context) {
  if (!is_for_server(spec) && (!spec.more_front.empty() || !spec.more_flags.empty())) return cannot_serve("flags that are handed through are those of llama-bench");
  if (!spec.type.empty() || spec.layers != 0) return cannot_serve("llama-server reads a whole GGUF file; write one with oldiron synth");
  const Available<Argv> drafts = draft_argv(spec, found);
  if (!drafts) return cannot_serve(drafts.reason());
  const int slots = std::max(spec.config.parallel, spec.workload.streams_max);
  Config config = spec.config;
  config.parallel = Config{}.parallel;
  config.draft_len = Config{}.draft_len;
  config.draft_kind = Config{}.draft_kind;
  const Flags flags = flags_for(config, found.engine, Tool::server, [&](std::string_view flag) { return found.knows(flag); }, false, &model);
  if (!flags.unsupported.empty()) return cannot_serve(fmt::format("{}", fmt::join(flags.unsupported, "; ")));
  // llama.cpp's own choice is four slots.
  Argv argv = {found.program, "-m", spec.model, "-c", std::to_string(context > 0 ? context : std::max(1, slots) * cells(spec.workload)),
               "-np", std::to_string(std::max(1, slots))};
  argv.insert(argv.end(), flags.argv.begin(), flags.argv.end());
  argv.insert(argv.end(), drafts->begin(), drafts->end());
  argv.insert(argv.end(), spec.more_flags.begin(), spec.more_flags.end());
  return argv;
}

std::unique_ptr<TrialEngine> make_llama_server(FoundTool found, ModelSpec model, ServerOptions options) {
  return std::make_unique<LlamaServer>(std::move(found), std::move(model), std::move(options));
}

}  // namespace oldiron
