#include "runner/engines/tool_engine.hpp"

#include <algorithm>

#include "core/clock.hpp"
#include "runner/engines/running_server.hpp"
#include "runner/keep_log.hpp"

namespace oldiron {

ToolEngine::ToolEngine(FoundTool found, ModelSpec model, RunCommand run, std::string log_dir, Machine machine, Ways ways)
    : found_(std::move(found)),
      model_(std::move(model)),
      run_(std::move(run)),
      log_dir_(std::move(log_dir)),
      machine_(std::move(machine)),
      ways_(ways) {}

Trial ToolEngine::run(const TrialSpec& spec) {
  Trial trial;
  trial.spec = spec;
  trial.provenance.engine_version = found_.version;
  const Available<std::vector<std::string>> argv = ways_.line(spec, found_, model_, machine_);
  if (!argv) {
    trial.status = Status::unsupported;
    trial.reason = argv.reason();
    return trial;
  }
  trial.provenance.command = *argv;
  const double begin_s = now_s();
  Trial all = run_once(trial);
  const int runs = ways_.run_per_sample ? std::max(1, spec.budget.min_samples) : 1;
  for (int i = 1; i < runs && all.status == Status::ok; ++i) {
    if (spec.budget.seconds > 0 && now_s() - begin_s > spec.budget.seconds) break;
    const Trial one = run_once(trial);
    if (one.status != Status::ok) return one;
    for (std::size_t m = 0; m < one.measurements.size(); ++m) append(all.measurements[m], one.measurements[m]);
  }
  return all;
}

Trial ToolEngine::run_once(const Trial& asked) {
  Trial trial = asked;
  const TrialSpec& spec = trial.spec;
  const double load_s = longest_load_s_ > 0 ? 3 * longest_load_s_ + 10 : load_patience_s(model_.bytes());
  try {
    const CommandResult result = run_(trial.provenance.command, spec.budget.seconds > 0 ? load_s + spec.budget.seconds : 0);
    trial.provenance.log_path = keep_log(log_dir_, found_.engine, trial.provenance.command, result.out, result.err);
    ways_.read(result, found_, trial);
  } catch (const Error& error) {
    trial.measurements.clear();
    trial.status = Status::failed;
    trial.reason = error.what();
  }
  longest_load_s_ = std::max(longest_load_s_, trial.provenance.load_s);
  return trial;
}

}  // namespace oldiron
