// The recipe of a trial. What the machine did meanwhile is stored beside the result and never changes a
// number.
#include "runner/run_trial.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "probes/state.hpp"
#include "runner/signals.hpp"

namespace oldiron {
namespace {

Trial refused(const TrialSpec& spec, std::string reason) {
  Trial trial;
  trial.spec = spec;
  trial.status = Status::unsupported;
  trial.reason = std::move(reason);
  return trial;
}

/// The counters now, with the CPU time of a process that our engine keeps counted as ours.
NoiseSnapshot snapshot(const TrialContext& context, const TrialEngine& engine) {
  NoiseSnapshot now = context.read_noise ? context.read_noise() : read_noise();
  now.own_s += engine.running_cpu_s();
  return now;
}

/// Marks a finished trial noisy, and says so at each of its measurements.
void tag(Trial& trial, const std::vector<std::string>& tags) {
  if (tags.empty()) return;
  for (auto& measurement : trial.measurements)
    measurement.tags.insert(measurement.tags.end(), tags.begin(), tags.end());
  if (trial.status != Status::ok) return;
  trial.status = Status::noisy;
  for (const auto& each : tags) trial.reason += (trial.reason.empty() ? "" : "; ") + each;
}

}  // namespace

void EngineSet::add(Engine engine, const std::string& dir, std::unique_ptr<TrialEngine> runner) {
  runners_[{engine, dir}] = std::move(runner);
}

TrialEngine* EngineSet::find(const TrialSpec& spec) const {
  const auto found = runners_.find({spec.engine, spec.engine_dir});
  return found == runners_.end() ? nullptr : found->second.get();
}

void EngineSet::retire_all_but(const TrialEngine* one) {
  for (auto& [name, runner] : runners_)
    if (runner.get() != one) runner->retire();
}

std::string why_no_fit(std::int64_t needs_bytes, const MachineState& state, std::int64_t held_bytes) {
  const std::int64_t has_bytes = usable_memory_bytes(state) + held_bytes;
  if (needs_bytes <= has_bytes) return "";
  return fmt::format("it needs {} of memory and has {}", bytes_text(static_cast<double>(needs_bytes)),
                     bytes_text(static_cast<double>(std::max<std::int64_t>(0, has_bytes))));
}

Trial run_trial(const TrialSpec& spec, EngineSet& engines, const TrialContext& context) {
  throw_if_interrupted();
  TrialEngine* engine = engines.find(spec);
  if (engine == nullptr)
    return refused(spec, fmt::format("{} was not found in `{}`: name its folder with --engine",
                                     display_name(spec.engine), spec.engine_dir));
  engines.retire_all_but(engine);
  const auto state = [&] { return context.read_state ? context.read_state() : read_state(); };
  MachineState before = state();
  const std::string started = utc_now();
  const double started_s = now_s();

  Trial trial;
  // Asked before each trial: a quota may change between two.
  std::string no_fit =
      why_too_many_threads(std::max(spec.config.decode_threads, spec.config.prefill_threads), before);
  if (no_fit.empty() && context.needs_bytes > 0)
    no_fit = why_no_fit(context.needs_bytes, before, engine->held_bytes(spec));
  MachineState after = before;
  if (!no_fit.empty()) {
    trial = refused(spec, no_fit);
  } else {
    NoiseGate::Look look;
    if (context.gate != nullptr) look = context.gate->wait([&] { return engine->running_cpu_s(); });
    const NoiseSnapshot noise_before = snapshot(context, *engine);
    for (MeterWatch* meter : context.meters) meter->start();
    trial = engine->run(spec);
    for (MeterWatch* meter : context.meters) meter->finish(trial);
    if (!look.load.empty())
      for (Measurement& each : trial.measurements) each.tags.push_back(load_tag(look));
    Noise noise = noise_between(noise_before, snapshot(context, *engine));
    if (trial.provenance.load_s > 0) noise.major_faults = 0;  // pages of the model, read before any sample
    after = state();
    after.steal_fraction = noise.steal_fraction;
    after.other_cpu_fraction = noise.other_cpu_fraction;
    if (!engine->watches_samples()) tag(trial, noise_tags(noise));
  }

  Provenance& provenance = trial.provenance;
  if (provenance.engine_version.empty()) provenance.engine_version = engine->version();
  provenance.machine_fingerprint = context.machine_fingerprint;
  provenance.model_fingerprint = context.model_fingerprint;
  provenance.started = started;
  provenance.wall_s = now_s() - started_s;
  provenance.before = before;
  provenance.after = after;
  return trial;
}

}  // namespace oldiron
