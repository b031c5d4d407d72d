// TrialEngine: whoever can run a trial, our own worker or the adapter of a foreign engine.
#pragma once

#include <cstdint>
#include <string>

#include "core/trial.hpp"

namespace oldiron {

class TrialEngine {
 public:
  virtual ~TrialEngine() = default;

  /// Runs one trial. Every end is a result: crash, hang and refusal are a status with one sentence. Fills the
  /// measurements and of the provenance what only the engine knows (engine_version, command, load_s,
  /// worker_age_s, peak_rss_bytes, huge_page_bytes, cpus, log_path); run_trial() fills the rest. Throws
  /// Interrupted (runner/signals.hpp) and nothing else.
  virtual Trial run(const TrialSpec& spec) = 0;

  /// "ik_llama.cpp 4840 (8337e4cd3)"; part of the journal's key, so it must not change between trials.
  virtual std::string version() = 0;

  /// Memory that an idle engine keeps and would use again, or give back, for `spec`: it counts as free when
  /// judging fit.
  virtual std::int64_t held_bytes(const TrialSpec&) const { return 0; }

  /// Ends what lives on between trials and gives its memory back.
  virtual void retire() {}

  /// Whether it says of each sample what disturbed it; else the whole run is judged.
  virtual bool watches_samples() const { return false; }

  /// CPU time used so far by a process that lives on between trials; it is not somebody else's.
  virtual double running_cpu_s() const { return 0; }
};

}  // namespace oldiron
