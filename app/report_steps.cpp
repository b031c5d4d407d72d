#include "app/report_steps.hpp"

#include <algorithm>
#include <filesystem>

#include "core/accounting.hpp"
#include "core/roofline.hpp"

namespace oldiron {

namespace {

/// "llama-batched-bench of llama.cpp 10587 (3f545becc)".
std::string measured_by(const Trial& trial, const Candidate& candidate) {
  if (candidate.engine == Engine::oldiron) return reports::StreamSpeed{}.by;
  for (const std::string& word : trial.provenance.command)
    if (const std::string name = std::filesystem::path(word).filename(); name.starts_with("llama-")) return name + " of " + candidate.version;
  return candidate.version;
}

/// The wall of a step of n tokens, each of a sequence of its own or of one sequence; `experts` 0: not counted.
Wall wall_of_step(const EngineTune& tune, const Trial& trial, const Profile& profile, int n, bool streams, double step_s, double experts) {
  const Config& config = trial.spec.config;
  Routing routing;
  if (experts > 0) routing = {.kind = Routing::Kind::measured, .distinct = std::vector<double>(static_cast<std::size_t>(n), experts)};
  const std::int64_t depth = trial.spec.workload.depth_tokens;
  const ModelStep step = streams ? batch_step(n, depth, config, routing) : verify_step(n, depth, config, routing);
  const Measurement* read = trial.find(kReadBandwidth);
  return step_wall(tune.model, config, profile, step, step_s, read != nullptr ? read->median : 0);
}

double counted_experts(const Trial& trial, const std::string& name) {
  const Measurement* counted = trial.find(name);
  return counted != nullptr ? counted->median : 0;
}

}  // namespace

std::vector<reports::StreamSpeed> streams_of(const EngineTune& tune, const Profile& profile) {
  std::vector<reports::StreamSpeed> streams;
  constexpr std::string_view kPrefix = "batch_tokens_per_s/";
  for (const Trial& trial : tune.result.trials)
    for (const Measurement& m : trial.measurements) {
      if (!m.name.starts_with(kPrefix) || m.median <= 0) continue;
      const std::string n = m.name.substr(kPrefix.size());
      reports::StreamSpeed speed = {std::stoi(n), m, measured_by(trial, tune.candidate)};
      speed.experts = counted_experts(trial, "batch_experts/" + n);
      speed.wall = wall_of_step(tune, trial, profile, speed.sequences, true, speed.sequences / m.median, speed.experts);
      streams.push_back(std::move(speed));
    }
  return streams;
}

std::vector<reports::VerifyCost> verify_of(const EngineTune& tune, const Profile& profile) {
  std::vector<reports::VerifyCost> costs;
  const auto trial = std::find_if(tune.result.trials.begin(), tune.result.trials.end(), [](const Trial& each) { return each.find("verify_s/1") != nullptr; });
  if (trial == tune.result.trials.end()) return costs;
  for (const VerifyCost& cost : tune.result.verify_costs) {
    const double experts = counted_experts(*trial, "verify_experts/" + std::to_string(cost.tokens));
    costs.push_back({cost.tokens, cost.step_s, cost.break_even_tokens, wall_of_step(tune, *trial, profile, cost.tokens, false, cost.step_s, experts)});
  }
  return costs;
}

std::string why_no_streams(const EngineTune& tune) {
  if (tune.request.base.workload.streams_max <= 0) return "";
  for (const Trial& trial : tune.result.trials)
    if (trial.spec.workload.streams_max > 0) return trial.reason;
  return tune.result.stopped_by == StoppedBy::trials ? "no trial was left" : "no time was left";
}

}  // namespace oldiron
