// One engine's part of a tune: what is searched, what is run, and what came of it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/tune_record.hpp"
#include "runner/run_trial.hpp"
#include "tuner/journal.hpp"
#include "tuner/tune.hpp"

namespace oldiron {

struct ServedLine;

struct EngineTune {
  Candidate candidate;
  ModelSpec model;
  TuneRequest request;
  TuneResult result;
  int remembered = 0;  ///< trials answered from the journal
  std::shared_ptr<const ServedLine> served = {};  ///< the answer as llama-server ran it; empty: it did not
  std::vector<std::string> not_compared = {};  ///< of the user's line
};

/// What to search, and within which budget, for one of the record's candidates; without its `yours`.
TuneRequest request_for(const TuneRecord& record, const Candidate& candidate, const ModelSpec& model);

/// Runs the search in `engines`; says on standard error what it does. A signal ends it with StoppedBy::signal. `meters` read
/// meanwhile. `quiet_wait_s`: how long a trial waits for a quiet machine; below 0: half a minute, less in a short tune.
EngineTune tune_engine(const TuneRecord& record, const Candidate& candidate, EngineSet& engines, Journal& journal, bool retry,
                       const std::vector<MeterWatch*>& meters, double quiet_wait_s);

/// The same path from the journal alone: nothing is run, and it ends where a trial is missing.
EngineTune replay_engine(const TuneRecord& record, const Candidate& candidate, Journal& journal);

/// Bytes that a trial of ours holds at its peak: packed weights, keys and values, scratch.
std::int64_t own_needs_bytes(const ModelSpec& model, const TrialSpec& spec);

/// "oldiron 0.1.0 (1a2b3c4d)": with a hash of the program, so that a new build's trials are not the old one's.
std::string own_version();

}  // namespace oldiron
