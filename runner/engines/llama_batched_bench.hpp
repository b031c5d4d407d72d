// llama-batched-bench of either engine: decode steps of several sequences together, without a server between.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runner/engine.hpp"
#include "runner/engines/bench_rows.hpp"

namespace oldiron {

/// The llama-batched-bench in the folder of a found llama-bench, or why there is none that can be used.
Available<FoundTool> find_batched_bench(const FoundEngine& bench, const RunCommand& run = ask_guarded);

/// The command line of a trial with streams_max: each number of streams as often as there are samples, in turns, each stream
/// behind a prompt of one token. The reason if anything cannot be expressed, or if the tool is no measure of it:
/// ik_llama.cpp's, and llama.cpp's before build 6200, give token 0 to every stream, and all streams use the same experts then.
Available<std::vector<std::string>> batched_argv(const TrialSpec& spec, const FoundTool& found, const ModelSpec& model, const Machine& machine = {});

/// Fills status, reason, load_s, peak_rss_bytes and batch_tokens_per_s/n of `trial`, to the digits that the tool printed.
/// load_s holds the warm-up too.
void read_batched(const CommandResult& result, const FoundTool& found, Trial& trial);

/// The adapter; the prompt and decode of a workload are left to other tools. `log_dir`: where raw output is kept; empty: nowhere.
std::unique_ptr<TrialEngine> make_llama_batched_bench(FoundTool found, ModelSpec model, RunCommand run = run_guarded, std::string log_dir = "",
                                                      Machine machine = {});

}  // namespace oldiron
