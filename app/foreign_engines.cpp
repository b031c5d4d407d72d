#include "app/foreign_engines.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/commands.hpp"
#include "app/head_files.hpp"
#include "app/quality_text.hpp"
#include "app/tune_storage.hpp"
#include "core/text.hpp"
#include "kernels/gguf.hpp"
#include "probes/storage.hpp"
#include "runner/command_words.hpp"
#include "runner/engines/llama_batched_bench.hpp"
#include "runner/engines/llama_bench.hpp"
#include "runner/engines/llama_perplexity.hpp"
#include "runner/engines/llama_sweep_bench.hpp"
#include "runner/engines/llama_tools.hpp"
#include "runner/engines/lossy_tools.hpp"
#include "runner/kept_answers.hpp"
#include "runner/placed_engine.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

// A foreign engine reads files only: the card's weights are written once, and used again by the next tune of the same
// model, which a card of the same name need not be. Bytes are its vocabulary: ik_llama.cpp's server aborts without one.
ModelRequest as_file(const ModelRequest& request, const std::string& out_dir) {
  const ModelSpec model = describe_model(request, cards_dir());
  const std::string head = request.head_type.empty() ? "" : "-head-" + request.head_type;
  const std::string cut = request.layers > 0 ? fmt::format("-{}-layers", request.layers) : "";
  const std::string path =
      fmt::format("{}/{}-{}{}{}-{}.gguf", out_dir, model.id, request.type, head, cut, model.fingerprint.substr(0, 8));
  if (!fs::exists(path)) {
    fmt::print(stderr, "writing {} ({}) for the engine to read; its weights are generated\n", path,
               bytes_text(static_cast<double>(model.bytes())));
    write_gguf(*open_model(request, cards_dir()), path, Vocabulary::bytes);
  }
  ModelRequest file;
  file.model = path;
  return file;
}

// What measures streams, and what begins behind a context where llama-bench cannot.
std::vector<OtherTool> other_tools(const ForeignEngine& engine, const ModelSpec& model, const RunCommand& run, const std::string& logs, const Machine& machine) {
  const Available<FoundTool>&batched = engine.batched, &sweep = engine.sweep;
  std::vector<OtherTool> tools;
  tools.push_back({"llama-batched-bench", [](const Workload& w) { return w.streams_max > 0; },
                   batched ? make_llama_batched_bench(*batched, model, run, logs, machine) : nullptr, batched.reason()});
  tools.push_back({"llama-sweep-bench", [](const Workload& w) { return w.depth_tokens > 0 && w.streams_max == 0; },
                   sweep ? make_llama_sweep_bench(*sweep, model, run, logs, machine) : nullptr, sweep.reason()});
  return tools;
}

}  // namespace

std::vector<ForeignEngine> choose_foreign(const std::string& dir, const ModelRequest& request, const ModelSpec& model, TuneRecord& record) {
  KeptAnswers answers(engine_cache_dir());
  const RunCommand ask = answers.as_run();
  const Discovery found = discover(dir, ask);
  for (const RejectedEngine& engine : found.rejected)
    fmt::print(stderr, "{}: {}\n", engine.bench, engine.reason);
  if (found.engines.empty())
    throw Error(
        fmt::format("--engine {}: nothing there can be used: {}", dir, found.rejected.front().reason));
  std::vector<ForeignEngine> chosen;
  for (const FoundEngine& engine : found.engines) {
    if (const std::string reason = why_not(engine.engine, record.machine, model); !reason.empty()) {
      record.rejected.push_back({.engine = engine.engine, .bench = engine.bench, .reason = reason});
      continue;
    }
    fmt::print(stderr, "found {}\n", engine.version);
    chosen.push_back({.bench = engine,
                      .server = find_server(engine, ask),
                      .batched = find_batched_bench(engine, ask),
                      .sweep = find_sweep_bench(engine, ask),
                      .perplexity = find_perplexity(engine, ask)});
    Candidate candidate{.engine = engine.engine, .bench = engine.bench, .version = engine.version, .flags = {engine.flags.begin(), engine.flags.end()}, .request = request};
    if (const auto& server = chosen.back().server) {
      candidate.server = server->program;
      candidate.server_flags.assign(server->flags.begin(), server->flags.end());
    } else {
      candidate.no_server = server.reason();
    }
    record.candidates.push_back(std::move(candidate));
  }
  if (chosen.empty()) throw Error(fmt::format("--engine {}: {}", dir, record.rejected.front().reason));
  return chosen;
}

void add_foreign_engines(const std::vector<ForeignEngine>& found, const ModelRequest& request, const std::string& out_dir, TuneRecord& record,
                         MemoryGuard& memory, EngineSet& engines) {
  const ModelRequest file = is_file(request) ? request : as_file(request, out_dir);
  const ModelSpec model = describe_model(file, cards_dir());
  const std::vector<std::string> files = files_of(file.model);
  const auto watch = std::make_shared<PlacesWatch>(bytes_of_files(files));
  const auto command = [&memory](const std::vector<std::string>& argv) {
    Command started = command_of(argv);
    started.why_stop = [&memory] { return memory.why_stop(); };
    return started;
  };
  const RunCommand run = [command, watch](const std::vector<std::string>& argv, double timeout_s) { return run_watched(command(argv), timeout_s, *watch); };
  const auto say = [](const std::string& text) { fmt::print(stderr, "{:>21}{}\n", "", text); };
  for (Candidate& candidate : record.candidates) candidate.request = file;
  look_at_storage(files, out_dir, record);
  const std::string logs = out_dir + "/logs";
  for (const ForeignEngine& each : found) {
    const FoundEngine& bench = each.bench;
    const Available<FoundTool>& program = each.server;
    const Available<FoundTool>& reader = each.perplexity;
    const auto server = [&]() -> std::unique_ptr<TrialEngine> {
      if (!program) return nullptr;
      return make_llama_server(*program, model, {.log_dir = logs, .command = command, .machine = record.machine, .watch = [watch](int pid) { watch->look(pid); }});
    };
    const HeadFiles heads = head_files(bench, file, record, out_dir, run, say);
    const auto files_of_trial = [files, heads](const TrialSpec& spec) {
      const auto head = heads.find(spec.config.head_type);
      return head == heads.end() ? files : std::vector<std::string>{head->second};
    };
    const auto placed = [&](std::unique_ptr<TrialEngine> speed) {
      std::unique_ptr<TrialEngine> perplexity;
      if (reader) perplexity = make_llama_perplexity(*reader, model, run, {.dir = out_dir, .log_dir = logs, .text = text_of(record), .heads = heads, .say = say});
      return make_placed(make_lossy_tools(make_with_heads(std::move(speed), heads), std::move(perplexity), reader.reason()), files_of_trial,
                         record.storage ? record.storage->file_system : "", watch);
    };
    engines.add(bench.engine, bench.bench,
                placed(make_llama_tools(make_llama_bench(bench, model, run, logs, record.machine), server(), program.reason(),
                                        other_tools(each, model, run, logs, record.machine))));
    if (program) engines.add(bench.engine, program->program, placed(make_server_alone(server())));
  }
}

}  // namespace oldiron
