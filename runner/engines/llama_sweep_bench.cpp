#include "runner/engines/llama_sweep_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "runner/engines/engine_end.hpp"
#include "runner/engines/tool_engine.hpp"

namespace oldiron {
namespace {

using Argv = std::vector<std::string>;

constexpr const char* kSweepBench = "llama-sweep-bench";

/// Why the tool's steps are not those of the workload; empty if they are.
std::string why_no_steps(const TrialSpec& spec) {
  const Workload& w = spec.workload;
  const int step = spec.config.ubatch;
  if (w.prompt_tokens <= 0 && w.generate_tokens <= 0) return "llama-sweep-bench measures prompt or generation; the workload has neither";
  if (w.depth_tokens % step != 0) return fmt::format("llama-sweep-bench goes in steps of the ubatch ({}), of which a depth of {} is no multiple", step, w.depth_tokens);
  if (w.prompt_tokens % step != 0) return fmt::format("llama-sweep-bench goes in steps of the ubatch ({}), of which a prompt of {} is no multiple", step, w.prompt_tokens);
  if (w.generate_tokens > step) return fmt::format("llama-sweep-bench generates at most as much as the ubatch ({}); asked are {}", step, w.generate_tokens);
  return "";
}

/// The tool sweeps all of the context, which the engine pads: its last step must fit too.
int context_of(const TrialSpec& spec) {
  constexpr int kPadding = 256;
  const int unit = std::lcm(spec.config.ubatch, kPadding);
  const int tokens = spec.workload.depth_tokens + std::max(spec.workload.prompt_tokens, spec.config.ubatch);
  return (tokens + unit - 1) / unit * unit;
}

}  // namespace

Available<FoundTool> find_sweep_bench(const FoundEngine& bench, const RunCommand& run) {
  if (bench.engine != Engine::ik_llama) return Available<FoundTool>::not_available("llama.cpp has no llama-sweep-bench");
  return find_tool_beside(bench, kSweepBench, {"-ub", "-n"}, run);
}

Available<Argv> sweep_argv(const TrialSpec& spec, const FoundTool& found, const ModelSpec& model, const Machine& machine) {
  const Workload& workload = spec.workload;
  if (const std::string why = why_no_steps(spec); !why.empty()) return Available<Argv>::not_available(why);
  TrialSpec plain = spec;
  plain.config.ubatch = Config{}.ubatch;
  const Available<Argv> common = common_argv(plain, found, model, context_of(spec));
  if (!common) return common;
  Argv argv = words_in_front(spec.config, found.engine, machine);
  argv.insert(argv.end(), common->begin(), common->end());
  // The step is told even where it is the engine's default: everything rests on it. No generation is no choice.
  argv.insert(argv.end(), {"-ub", std::to_string(spec.config.ubatch), "-n", std::to_string(std::max(1, workload.generate_tokens))});
  const int steps = workload.depth_tokens / spec.config.ubatch;
  if (steps > 1 && workload.prompt_tokens <= spec.config.ubatch && found.knows("--sweep-stride"))
    argv.insert(argv.end(), {"--sweep-stride", std::to_string(steps)});
  if (workload.depth_tokens == 0 && found.knows("-wb")) argv.emplace_back("-wb");
  if (found.knows("--output-format")) argv.insert(argv.end(), {"--output-format", "jsonl"});
  return argv;
}

void read_sweep(const CommandResult& result, const FoundTool&, Trial& trial) {
  trial.measurements.clear();
  if (!ended_well(result, kSweepBench, trial)) return;
  const TrialSpec& spec = trial.spec;
  const Workload& w = spec.workload;
  const int step = spec.config.ubatch, prompt_end = w.depth_tokens + std::max(w.prompt_tokens, step);
  read_into(trial, [&] {
    double prefill_s = 0, prefill = 0, decode = 0;
    int swept = w.depth_tokens;
    for (const Json& row : bench_rows(result.out.text() + "\n" + result.err.text(), kSweepBench)) {
      const int at = row_integer(row, "n_kv", kSweepBench);
      if (at < w.depth_tokens || at >= prompt_end) continue;
      check_row(row, spec.config, kSweepBench);
      if (at != swept || row_integer(row, "pp", kSweepBench) != step || row_integer(row, "tg", kSweepBench) != std::max(1, w.generate_tokens))
        throw Error(fmt::format("{} did not sweep as asked: no step of {} behind {} tokens", kSweepBench, step, swept));
      swept += step;
      prefill = row_number(row, "speed_pp", kSweepBench);
      prefill_s += step / prefill;
      if (at == w.depth_tokens) decode = row_number(row, "speed_tg", kSweepBench);
    }
    if (swept != prompt_end) throw Error(fmt::format("{} printed no row behind {} tokens", kSweepBench, swept));
    if (w.prompt_tokens > step) prefill = w.prompt_tokens / prefill_s;
    if (w.prompt_tokens > 0) trial.measurements.push_back(summarise(kPrefill, "tokens/s", {prefill}));
    if (w.generate_tokens > 0) trial.measurements.push_back(summarise(kDecode, "tokens/s", {decode}));
    trial.provenance.load_s = std::max(0.0, result.end.wall_s - prefill_s - w.generate_tokens / decode);
  });
}

std::unique_ptr<TrialEngine> make_llama_sweep_bench(FoundTool found, ModelSpec model, RunCommand run, std::string log_dir, Machine machine) {
  return std::make_unique<ToolEngine>(std::move(found), std::move(model), std::move(run), std::move(log_dir), std::move(machine),
                                      ToolEngine::Ways{sweep_argv, read_sweep, true});
}

}  // namespace oldiron
