// A trial's identity and its metrics.
#include "core/trial.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/text.hpp"

namespace oldiron {

const Measurement* Trial::find(std::string_view name) const {
  const auto same = [&](const Measurement& measurement) { return measurement.name == name; };
  const auto found = std::find_if(measurements.begin(), measurements.end(), same);
  return found == measurements.end() ? nullptr : &*found;
}

std::string trial_key(const TrialSpec& spec, const std::string& engine_version,
                      const std::string& machine_fingerprint, const std::string& model_fingerprint) {
  Json identity = {{"engine", to_string(spec.engine)},
                         {"engine_version", engine_version},
                         {"machine", machine_fingerprint},
                         {"model", model_fingerprint},
                         {"type", spec.type},
                         {"card_head_type", spec.card_head_type},
                         {"layers", spec.layers},
                         {"workload", to_json(spec.workload)},
                         {"config", to_json(spec.config)},
                         {"repetition", spec.repetition}};
  if (!spec.draft_model.empty()) identity["draft_model"] = spec.draft_model;
  if (spec.cold) identity["cold"] = true;
  // Of a tune in a hurry: one with more time looks again.
  if (!spec.budget.warm_up) identity["samples"] = spec.budget.min_samples;
  if (!spec.more_front.empty()) identity["more_front"] = spec.more_front;
  if (!spec.more_flags.empty()) identity["more_flags"] = spec.more_flags;
  return hex16(hash64(dump_json(identity)));
}

std::string_view to_string(Status status) {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::noisy:
      return "noisy";
    case Status::failed:
      return "failed";
    case Status::timed_out:
      return "timed_out";
    case Status::unsupported:
      return "unsupported";
  }
  return "";
}

}  // namespace oldiron
