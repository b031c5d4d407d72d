// llama-bench of either engine: the command line of a trial, its fit, and the adapter.
#include "runner/engines/llama_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/accounting.hpp"
#include "core/front_words.hpp"
#include "core/text.hpp"
#include "runner/command_words.hpp"
#include "runner/keep_log.hpp"

namespace oldiron {
namespace {

using Argv = std::vector<std::string>;

Available<Argv> cannot(std::string reason) { return Available<Argv>::not_available(std::move(reason)); }

std::string joined(const std::vector<std::string>& parts, const char* between) {
  return fmt::format("{}", fmt::join(parts, between));
}

/// With one phase measured, only its thread count matters: then there is one for both, which -t says.
Config to_express(const TrialSpec& spec) {
  Config config = spec.config;
  if (spec.workload.generate_tokens <= 0) config.decode_threads = config.prefill_threads;
  if (spec.workload.prompt_tokens <= 0) config.prefill_threads = config.decode_threads;
  return config;
}

std::int64_t cells(const TrialSpec& spec) {
  constexpr std::int64_t kPadding = 256;  // both engines round a context up to it
  const std::int64_t tokens =
      spec.workload.depth_tokens + std::max(spec.workload.prompt_tokens, spec.workload.generate_tokens);
  return (tokens + kPadding - 1) / kPadding * kPadding;
}

class LlamaBench : public TrialEngine {
 public:
  LlamaBench(FoundEngine found, ModelSpec model, RunCommand run, std::string log_dir, Machine machine)
      : found_(std::move(found)),
        model_(std::move(model)),
        run_(std::move(run)),
        log_dir_(std::move(log_dir)),
        machine_(std::move(machine)) {}

  std::string version() override { return found_.version; }

  Trial run(const TrialSpec& spec) override {
    Trial trial;
    trial.spec = spec;
    trial.provenance.engine_version = found_.version;
    const Available<Argv> argv = bench_argv(spec, found_, model_, machine_);
    if (!argv) {
      trial.status = Status::unsupported;
      trial.reason = argv.reason();
      return trial;
    }
    trial.provenance.command = *argv;
    try {
      const CommandResult result = run_(*argv, timeout_s(spec));
      trial.provenance.log_path = keep_log(log_dir_, found_.engine, *argv, result.out, result.err);
      read_bench(result, found_, trial);
    } catch (const Error& error) {
      trial.status = Status::failed;
      trial.reason = error.what();
    }
    longest_load_s_ = std::max(longest_load_s_, trial.provenance.load_s);
    return trial;
  }

 private:
  double timeout_s(const TrialSpec& spec) const {
    if (spec.budget.seconds <= 0) return 0;
    // Before the first load: a disk of 50 MB/s, and a minute for everything else. Then thrice what loads
    // took.
    const double load_s =
        longest_load_s_ > 0 ? 3 * longest_load_s_ + 10 : static_cast<double>(model_.bytes()) / 50e6 + 60;
    return load_s + spec.budget.seconds;
  }

  FoundEngine found_;
  ModelSpec model_;
  RunCommand run_;
  std::string log_dir_;
  Machine machine_;
  double longest_load_s_ = 0;
};

}  // namespace

const BenchDialect& bench_dialect(Engine engine) {
  CHECK(engine != Engine::oldiron, "our own engine is no llama-bench");
  return engine == Engine::ik_llama ? ik_llama_bench() : llama_cpp_bench();
}

bool skips_warm_up(const TrialSpec& spec, const FoundEngine& found) {
  return !spec.budget.warm_up && found.knows(bench_dialect(found.engine).no_warm_up.front());
}

Available<Argv> bench_argv(const TrialSpec& spec, const FoundEngine& found, const ModelSpec& model, const Machine& machine) {
  const BenchDialect& dialect = bench_dialect(found.engine);
  const Workload& workload = spec.workload;
  if (!spec.type.empty() || spec.layers != 0)
    return cannot("llama-bench reads a whole GGUF file; write one with oldiron synth");
  if (workload.prompt_tokens <= 0 && workload.generate_tokens <= 0)
    return cannot("llama-bench measures prompt or generation; the workload has neither");
  if (workload.streams_max > 0) return cannot("llama-bench decodes one sequence, not several together");
  const auto knows = [&](std::string_view flag) { return found.knows(flag); };
  const Flags flags = flags_for(to_express(spec), found.engine, Tool::bench, knows, false, &model);
  if (!flags.unsupported.empty()) return cannot(joined(flags.unsupported, "; "));

  Argv argv = words_before(spec, machine);
  argv.push_back(assignment_in(found.bench) != std::string::npos ? "./" + found.bench : found.bench);
  argv.insert(argv.end(), {"-m", spec.model});
  const auto add = [&](std::string flag, int value) {
    argv.push_back(std::move(flag));
    argv.push_back(std::to_string(value));
  };
  add("-p", std::max(0, workload.prompt_tokens));
  add("-n", std::max(0, workload.generate_tokens));
  add("-r", std::max(1, spec.budget.min_samples));
  if (skips_warm_up(spec, found)) argv.insert(argv.end(), dialect.no_warm_up.begin(), dialect.no_warm_up.end());
  if (workload.depth_tokens > 0) {
    const Available<Argv> depth = dialect.depth(workload.depth_tokens);
    if (!depth) return cannot(depth.reason());
    argv.insert(argv.end(), depth->begin(), depth->end());
  }
  argv.insert(argv.end(), flags.argv.begin(), flags.argv.end());
  const Argv defaults = dialect.own_defaults(found, spec.config);
  argv.insert(argv.end(), defaults.begin(), defaults.end());
  argv.insert(argv.end(), spec.more_flags.begin(), spec.more_flags.end());
  argv.insert(argv.end(), {"-o", "json", "-v"});
  return argv;
}

std::string command_line(const Argv& argv) { return joined(quoted_words(argv), " "); }

std::int64_t needs_bytes(const TrialSpec& spec, const ModelSpec& model) {
  const auto context = cells(spec);
  double kv = 0;  // both tests keep all cells of all layers at most; llama.cpp fewer in sliding layers
  for (const auto& layer : model.layers)
    kv += static_cast<double>(context * layer.n_head_kv * (layer.key_length + layer.value_length)) *
          kv_bytes_per_element(spec.config.kv_type) * std::max({1, spec.config.parallel, spec.workload.streams_max});
  // Compute buffer, F32 per token of a ubatch: logits, a dozen rows of the residual's width, the widest
  // feed-forward thrice.
  const std::int64_t widest =
      std::max<std::int64_t>(model.feed_forward_length, static_cast<std::int64_t>(model.expert_used_count) *
                                                            model.expert_feed_forward_length);
  const BenchDialect& dialect = bench_dialect(spec.engine);
  const std::int64_t logits = static_cast<std::int64_t>(dialect.logit_rows) * model.vocab_size;
  const std::int64_t per_token = 4 * (logits + 12L * model.embedding_length + 3 * widest);
  constexpr std::int64_t kProgram =
      64 << 20;  // code, threads' stacks, the file's header; 40 MB seen with a 4 MB model
  std::error_code unread;
  const auto draft_bytes = spec.draft_model.empty() ? 0 : std::filesystem::file_size(spec.draft_model, unread);
  return dialect.weight_bytes(spec.config, model) + (unread ? 0 : static_cast<std::int64_t>(draft_bytes)) + static_cast<std::int64_t>(kv) +
         std::min<std::int64_t>(spec.config.ubatch, context) * per_token + kProgram;
}

std::string why_not(Engine engine, const Machine& machine, const ModelSpec& model) {
  return engine == Engine::oldiron ? "" : bench_dialect(engine).why_not(machine, model);
}

std::unique_ptr<TrialEngine> make_llama_bench(FoundEngine found, ModelSpec model, RunCommand run,
                                              std::string log_dir, Machine machine) {
  return std::make_unique<LlamaBench>(std::move(found), std::move(model), std::move(run), std::move(log_dir),
                                      std::move(machine));
}

}  // namespace oldiron
