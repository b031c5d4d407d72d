// The builds of foreign engines that a tune is made with: found, asked what they know, and made to run its trials.
#pragma once

#include <string>
#include <vector>

#include "app/tune_record.hpp"
#include "core/model.hpp"
#include "runner/engines/bench_rows.hpp"
#include "runner/engines/llama_server.hpp"
#include "runner/memory_guard.hpp"
#include "runner/run_trial.hpp"

namespace oldiron {

/// A build: its llama-bench, and the tools beside it.
struct ForeignEngine {
  FoundEngine bench;
  Available<FoundTool> server, batched, sweep, perplexity;
};

/// Those in `dir` that can run this model, as candidates of the record; the others are its rejected ones. Throws Error if there is none.
std::vector<ForeignEngine> choose_foreign(const std::string& dir, const ModelRequest& request, const ModelSpec& model, TuneRecord& record);

/// Adds them to `engines`. Of a card a file is written first, in `out_dir`, which becomes the candidates' model; the record gets its
/// storage. `memory` outlives the engines.
void add_foreign_engines(const std::vector<ForeignEngine>& found, const ModelRequest& request, const std::string& out_dir, TuneRecord& record,
                         MemoryGuard& memory, EngineSet& engines);

}  // namespace oldiron
