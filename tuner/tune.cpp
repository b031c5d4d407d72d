// The default, a strategy, the finals; and the same played on predictions, as a plan.
#include "tuner/tune.hpp"

#include <utility>

#include "tuner/finals.hpp"
#include "tuner/strategy.hpp"

namespace oldiron {

namespace {

// Points of one phase's grid beyond which merely listing them takes longer than a trial.
constexpr double kMostPoints = 100000;

void check_size(const TuneRequest& request) {
  double points = 1;
  for (const Axis& axis : request.space.axes) points *= static_cast<double>(axis.values.size());
  if (points > kMostPoints)
    throw Error("the levers to search make " + std::to_string(static_cast<long long>(points)) +
                " combinations, more than can be tried: name fewer values");
}

}  // namespace

std::string_view to_string(StoppedBy stopped_by) {
  switch (stopped_by) {
    case StoppedBy::done:
      return "done";
    case StoppedBy::budget:
      return "budget";
    case StoppedBy::trials:
      return "trials";
    case StoppedBy::signal:
      return "signal";
  }
  return "done";
}

TuneResult tune(const TuneRequest& request, const Evaluate& evaluate, const Progress& progress) {
  check_size(request);
  const Strategy& chosen = strategy(request.strategy);
  Search search(request, evaluate, progress);
  const std::string invalid = why_invalid(search.default_config(), request.machine, request.model);
  if (!invalid.empty()) throw Error(invalid);
  if (search.measure(search.default_config(), Phase::both, "default")) {
    search.record().default_trial = search.record().trials.front();
    chosen.explore(search);
    run_finals(search);
  }
  return std::move(search).result();
}

Plan estimate(const TuneRequest& request, double load_s, double trial_s) {
  TuneRequest played = request;
  played.load_s = load_s;
  played.trial_s = trial_s;
  played.interrupted = {};
  played.clock = [] { return 0.0; };
  const Config from = start(request.space, request.machine, request.model);
  const Prior prior = {&played.model, &played.profile};
  Plan plan;
  const auto note = [&](const Step& step) {
    if (step.trial == nullptr) plan.trials.push_back({step.stage, step.spec, step.reload, step.expected_s});
  };
  const auto play = [&](const TrialSpec& spec) {
    // Any rates do, as long as something is better than the default: a prefill of 512 takes as long as 32
    // decode steps.
    const double gain = spec.config == from ? 1 : 1.1;
    const double roofline = expected_tokens_per_s(prior, from, spec.workload, Phase::decode, {});
    const double decode = (roofline > 0 ? 0.7 * roofline : 1) * gain;
    const double prefill = decode * 16;
    Trial trial;
    trial.spec = spec;
    trial.status = Status::ok;
    if (spec.workload.prompt_tokens > 0)
      trial.measurements.push_back(summarise(kPrefill, "tokens/s", std::vector<double>(3, prefill)));
    if (spec.workload.generate_tokens > 0)
      trial.measurements.push_back(summarise(kDecode, "tokens/s", std::vector<double>(3, decode)));
    // The share of a whole search trial that this one is.
    const double whole =
        512.0 / 16 + (played.search_generate_tokens > 0 ? played.search_generate_tokens
                                                        : played.base.workload.generate_tokens);
    const double quality_tokens = static_cast<double>(spec.workload.quality_texts) * spec.workload.quality_tokens;
    const double steps = spec.workload.prompt_tokens / 16.0 + spec.workload.generate_tokens +
                         wide_steps(played, spec.workload) +
                         (played.quality_read_s > 0 ? kQualityReadings / 16 : kQualityStepsPerToken) * quality_tokens;
    const double later_s = played.reload_s > 0 && plan.trials.size() > 1 ? played.reload_s : load_s;
    trial.provenance.load_s = plan.trials.back().reload == Reload::none ? 0 : later_s;
    const double share = static_cast<double>(runs(played, spec.budget)) / runs(played, played.base.budget);
    trial.provenance.wall_s = trial.provenance.load_s + share * trial_s * steps / whole;
    plan.trials.back().expected_s = trial.provenance.wall_s;
    return trial;
  };
  const TuneResult result = tune(played, play, note);
  plan.loads = result.loads;
  plan.expected_s = result.elapsed_s;
  plan.own_start_s = result.own_start_s;
  plan.stopped_by = result.stopped_by;
  return plan;
}

}  // namespace oldiron
