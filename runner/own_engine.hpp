// Our own engine, as it runs inside the worker process: loads a model once and times steps of it.
#pragma once

#include <memory>
#include <string>

#include "kernels/weights.hpp"
#include "runner/model_source.hpp"
#include "runner/worker.hpp"

namespace oldiron {

class OwnEngine {
 public:
  explicit OwnEngine(std::string cards_dir);
  ~OwnEngine();
  OwnEngine(const OwnEngine&) = delete;
  OwnEngine& operator=(const OwnEngine&) = delete;

  /// Measures what the workload asks; keeps the weights for the next trial if its levers allow. Throws Error, and
  /// Unsupported where this build cannot do what a lever asks.
  Trial run(const TrialSpec& spec, const Tell& tell);

 private:
  struct Loaded;
  void load(const TrialSpec& spec, const Tell& tell, Trial& trial);
  void load_draft(const TrialSpec& spec, Trial& trial);
  std::shared_ptr<Weights> pack(const WeightSource& source, const Config& config, Team& team) const;

  std::string cards_dir_;
  std::unique_ptr<Loaded> loaded_;
  Machine machine_;
};

}  // namespace oldiron
