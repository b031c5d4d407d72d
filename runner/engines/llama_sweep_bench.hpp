// ik_llama.cpp's llama-sweep-bench: prefill and decode behind a context, which its llama-bench cannot begin at.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runner/engine.hpp"
#include "runner/engines/bench_rows.hpp"

namespace oldiron {

/// The llama-sweep-bench in the folder of a found llama-bench, or why there is none that can be used; llama.cpp has none.
Available<FoundTool> find_sweep_bench(const FoundEngine& bench, const RunCommand& run = ask_guarded);

/// The command line that sweeps up to the workload's depth and through its prompt. The tool goes in steps of the ubatch and
/// generates at most that many tokens a step: the reason if depth, prompt or generation does not fit that.
Available<std::vector<std::string>> sweep_argv(const TrialSpec& spec, const FoundTool& found, const ModelSpec& model, const Machine& machine = {});

/// Fills status, reason, load_s, peak_rss_bytes, and of prefill and decode at depth_tokens one sample each: of a prompt of one
/// ubatch and of the decode to the digits that the tool printed. load_s holds the way to that depth too. All tokens are drawn
/// from the whole vocabulary.
void read_sweep(const CommandResult& result, const FoundTool& found, Trial& trial);

/// The adapter; every sample is a run of its own. `log_dir`: where raw output is kept; empty: nowhere.
std::unique_ptr<TrialEngine> make_llama_sweep_bench(FoundTool found, ModelSpec model, RunCommand run = run_guarded, std::string log_dir = "",
                                                    Machine machine = {});

}  // namespace oldiron
