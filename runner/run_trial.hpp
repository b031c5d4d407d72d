// The recipe of a trial: judge fit, wait for quiet, run it in its engine, note what else the machine did
// meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/trial.hpp"
#include "probes/noise.hpp"
#include "runner/engine.hpp"
#include "runner/meter_watch.hpp"
#include "runner/noise_gate.hpp"

namespace oldiron {

/// The engines that trials may ask for, each by its name and folder.
class EngineSet {
 public:
  void add(Engine engine, const std::string& dir, std::unique_ptr<TrialEngine> runner);

  /// nullptr if nobody was added for it.
  TrialEngine* find(const TrialSpec& spec) const;

  /// Frees what all but one hold: two models rarely fit, and an idle worker is not quiet.
  void retire_all_but(const TrialEngine* one);

 private:
  std::map<std::pair<Engine, std::string>, std::unique_ptr<TrialEngine>> runners_;
};

struct TrialContext {
  std::string machine_fingerprint, model_fingerprint;
  std::int64_t needs_bytes = 0;  ///< at its peak, weights, cache and scratch; 0: fit is not judged
  std::function<MachineState()> read_state;   ///< empty: of this machine
  std::function<NoiseSnapshot()> read_noise;  ///< empty: of this machine
  NoiseGate* gate = nullptr;                  ///< empty: it does not wait for quiet
  std::vector<MeterWatch*> meters = {};       ///< that are read while it runs
};

/// Runs one trial; every end is a result. Throws Interrupted (runner/signals.hpp).
Trial run_trial(const TrialSpec& spec, EngineSet& engines, const TrialContext& context);

/// "it needs 15.1 GB and 12.0 GB can be had", or empty if it fits. `held_bytes`: what its own engine would
/// reuse.
std::string why_no_fit(std::int64_t needs_bytes, const MachineState& state, std::int64_t held_bytes);

}  // namespace oldiron
