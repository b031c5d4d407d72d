#include "runner/engines/llama_batched_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "runner/engines/engine_end.hpp"
#include "runner/engines/tool_engine.hpp"

namespace oldiron {
namespace {

using Argv = std::vector<std::string>;

constexpr const char* kBatchedBench = "llama-batched-bench";

/// The numbers of streams in the order of the tool's rows. The first is a warm-up. The last may get lost: llama.cpp's tool ends
/// now and then without having printed it (4 of 12 runs of build 10587).
std::vector<int> order_of_rows(const TrialSpec& spec) {
  std::vector<int> order = {1};
  for (int i = 0; i < std::max(1, spec.budget.min_samples); ++i)
    for (int streams = 1; streams <= spec.workload.streams_max; streams *= 2) order.push_back(streams);
  order.push_back(1);
  return order;
}

/// llama.cpp's draws tokens since build 6200 (August 2025).
bool gives_token_0(const FoundTool& found) {
  const int build = build_of(found.version);
  return found.engine == Engine::ik_llama || (build > 0 && build < 6200);
}

int context_of(const Workload& workload) {
  constexpr int kPadding = 256;  // as both engines do
  const int of_one = (1 + workload.generate_tokens + kPadding - 1) / kPadding * kPadding;
  return workload.streams_max * of_one;
}

}  // namespace

Available<FoundTool> find_batched_bench(const FoundEngine& bench, const RunCommand& run) {
  return find_tool_beside(bench, kBatchedBench, {"-npp", "-ntg", "-npl"}, run);
}

Available<Argv> batched_argv(const TrialSpec& spec, const FoundTool& found, const ModelSpec& model, const Machine& machine) {
  const auto cannot = [](std::string reason) { return Available<Argv>::not_available(std::move(reason)); };
  const Workload& workload = spec.workload;
  if (workload.streams_max <= 0 || workload.generate_tokens <= 0) return cannot("llama-batched-bench measures streams; the workload has none");
  if (gives_token_0(found) && model.expert_count > 0)
    return cannot(fmt::format("llama-batched-bench of {} gives every stream token 0, so that all use the same experts", found.version));
  const Available<Argv> common = common_argv(spec, found, model, context_of(workload));
  if (!common) return common;
  Argv argv = words_in_front(spec.config, found.engine, machine);
  argv.insert(argv.end(), common->begin(), common->end());
  argv.insert(argv.end(), {"-npp", "1", "-ntg", std::to_string(workload.generate_tokens), "-npl", fmt::format("{}", fmt::join(order_of_rows(spec), ","))});
  // ik_llama.cpp's takes the flag and prints its table all the same.
  if (found.engine == Engine::llama_cpp && found.knows("--output-format")) argv.insert(argv.end(), {"--output-format", "jsonl"});
  return argv;
}

void read_batched(const CommandResult& result, const FoundTool&, Trial& trial) {
  trial.measurements.clear();
  if (!ended_well(result, kBatchedBench, trial)) return;
  read_into(trial, [&] {
    const std::vector<Json> rows = bench_rows(result.out.text() + "\n" + result.err.text(), kBatchedBench);
    const std::vector<int> order = order_of_rows(trial.spec);
    if (rows.size() > order.size() || rows.size() + 1 < order.size())
      throw Error(fmt::format("{} printed {} rows, asked were {}", kBatchedBench, rows.size(), order.size()));
    std::map<int, std::vector<double>> rates;
    double computing_s = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Json& row = rows[i];
      const int streams = row_integer(row, "pl", kBatchedBench), tokens = row_integer(row, "tg", kBatchedBench);
      if (streams != order[i] || tokens != trial.spec.workload.generate_tokens)
        throw Error(fmt::format("{} printed a row of {} streams and {} tokens where {} and {} were asked", kBatchedBench, streams, tokens, order[i],
                                trial.spec.workload.generate_tokens));
      check_row(row, trial.spec.config, kBatchedBench);
      const double rate = row_number(row, "speed_tg", kBatchedBench);
      computing_s += streams * tokens / rate;
      if (i > 0 && i + 1 < order.size()) rates[streams].push_back(rate);
    }
    for (auto& [streams, samples] : rates) trial.measurements.push_back(summarise(fmt::format("batch_tokens_per_s/{}", streams), "tokens/s", std::move(samples)));
    trial.provenance.load_s = std::max(0.0, result.end.wall_s - computing_s);
  });
}

std::unique_ptr<TrialEngine> make_llama_batched_bench(FoundTool found, ModelSpec model, RunCommand run, std::string log_dir, Machine machine) {
  return std::make_unique<ToolEngine>(std::move(found), std::move(model), std::move(run), std::move(log_dir), std::move(machine),
                                      ToolEngine::Ways{batched_argv, read_batched, false});
}

}  // namespace oldiron
