// Which program of a foreign engine runs a tune's trials: llama-bench, or llama-server where that alone can say what is compared.
#pragma once

#include <string>

#include "app/tune_record.hpp"
#include "tuner/tune.hpp"

namespace oldiron {

/// A setting of the space that llama-bench cannot say, though llama-server may.
struct BeyondBench {
  std::string lever = {};  ///< or "depth"; empty: llama-bench can say all of them
  std::string why = {};    ///< "n_experts=6: llama-bench has no -okv"
};

/// Looks at every value of every axis, the others at their start, as one run of both phases.
BeyondBench beyond_bench(const TuneRequest& request, const Candidate& candidate);

/// Has llama-server run all trials where a setting needs it: figures of two programs are no fair pair. Throws Error where a setting
/// that the person named (record.settings) needs it and there is none.
void choose_tool(const TuneRecord& record, const Candidate& candidate, TuneRequest& request);

}  // namespace oldiron
