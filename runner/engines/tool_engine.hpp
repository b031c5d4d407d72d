// ToolEngine: the TrialEngine of a tool that measures and ends, from its command line and the reader of its output.
#pragma once

#include <string>
#include <vector>

#include "runner/engine.hpp"
#include "runner/engines/bench_rows.hpp"

namespace oldiron {

class ToolEngine : public TrialEngine {
 public:
  using Line = Available<std::vector<std::string>> (*)(const TrialSpec&, const FoundTool&, const ModelSpec&, const Machine&);
  using Read = void (*)(const CommandResult&, const FoundTool&, Trial&);

  /// What differs between tools.
  struct Ways {
    Line line;
    Read read;
    bool run_per_sample;  ///< else one run has all samples
  };

  ToolEngine(FoundTool found, ModelSpec model, RunCommand run, std::string log_dir, Machine machine, Ways ways);

  std::string version() override { return found_.version; }
  Trial run(const TrialSpec& spec) override;

 private:
  Trial run_once(const Trial& asked);

  FoundTool found_;
  ModelSpec model_;
  RunCommand run_;
  std::string log_dir_;
  Machine machine_;
  Ways ways_;
  double longest_load_s_ = 0;
};

}  // namespace oldiron
