// TuneRecord: all that decided the path of a tune, kept beside its journal so that a report can be written
// again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/machine.hpp"
#include "core/power.hpp"
#include "core/storage.hpp"
#include "core/trial.hpp"
#include "runner/model_source.hpp"

namespace oldiron {

/// An engine that was tuned, our own or a foreign one, with the model as it reads it.
struct Candidate {
  Engine engine = Engine::oldiron;
  std::string bench;  ///< path of the foreign engine's llama-bench; empty for our own
  std::string version;
  std::vector<std::string> flags = {};         ///< that its llama-bench lists
  std::string server = {};                     ///< path of the llama-server beside it; empty: `no_server` says why
  std::vector<std::string> server_flags = {};  ///< that it lists
  std::string no_server = {};
  ModelRequest request;
  int remembered = 0;  ///< trials that its tune took from the journal of an earlier run
};

struct RejectedCandidate {
  Engine engine = Engine::llama_cpp;
  std::string bench;
  std::string reason;
};

struct TuneRecord {
  std::string created;  ///< UTC
  Machine machine;
  MachineState state;
  Profile profile;        ///< read before the first trial: predictions rest on it
  Profile profile_after;  ///< read again after the last trial: neighbours on the same host come and go
  /// Of one token's bytes of the first candidate's model.
  Available<CyclicRead> cyclic = Available<CyclicRead>::not_available("not measured");
  Available<PowerMeter> power = Available<PowerMeter>::not_available("not asked for");
  Tariff tariff = {};
  Available<std::string> traffic = Available<std::string>::not_available("not asked for");  ///< who counts it
  Workload workload;
  /// Of the model's files before the first trial; of generated weights nothing is read.
  Available<Storage> storage = Available<Storage>::not_available("the weights are generated");
  bool cold = false;  ///< a foreign engine's file is dropped from the page cache before each load
  double budget_s = 0;
  int max_trials = 0;
  std::string draft_model;  ///< of drafts by a model; empty: none was named
  std::string quality_text = {};  ///< path of the text that foreign engines read for quality; empty: kQualityText
  std::string quality_name = {};  ///< of trials on that text, with its hash: another text is another trial
  std::map<std::string, std::string> settings;  ///< lever -> value or list of values
  std::vector<std::string> baseline = {};  ///< words of the user's line; empty: none was given
  std::vector<Candidate> candidates;
  std::vector<RejectedCandidate> rejected;
};

/// DIR/tune.json.
void save_record(const TuneRecord& record, const std::string& dir);

/// Nothing if there is none; throws Error if it cannot be understood.
std::optional<TuneRecord> load_record(const std::string& dir);

}  // namespace oldiron
