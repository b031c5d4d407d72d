// The JSON of `oldiron probe` and `oldiron facts`; its keys are what scripts rely on.
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "reports/screens.hpp"

namespace oldiron::reports {

std::string probe_json(const ProbeScreen& s) {
  const Json json = {{"schema", 1},
                     {"machine", to_json(s.machine)},
                     {"fingerprint", fingerprint(s.machine)},
                     {"state", to_json(s.state)},
                     {"facts", to_json(s.facts)},
                     {"bandwidth", to_json(s.profile)["bandwidth"]},
                     {"bandwidth_saturated", s.profile.read_saturated},
                     {"compute", to_json(s.profile)["compute"]},
                     {"abilities", to_json(s.profile.abilities)}};
  return dump_json(json, 1) + "\n";
}

std::string facts_json(const FactsScreen& s) {
  const Json json = {{"schema", 1},
                     {"machine", to_json(s.machine)},
                     {"fingerprint", fingerprint(s.machine)},
                     {"facts", to_json(s.facts)}};
  return dump_json(json, 1) + "\n";
}

}  // namespace oldiron::reports
