// JSON of the core types. Reading refuses unknown keys (naming the nearest known one) and missing ones, but for
// levers: one that is missing takes its default, so that what was written before it was there can be read. All
// throw Error.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/facts.hpp"
#include "core/machine.hpp"
#include "core/model.hpp"
#include "core/power.hpp"
#include "core/trial.hpp"

namespace oldiron {

using Json = nlohmann::json;

Json to_json(const Config& config);          ///< every lever by name; enumerations as strings
Json to_json(const Measurement& measurement);
Json to_json(const std::vector<Disturbed>& disturbed);
Json to_json(const Workload& workload);
Json to_json(const Budget& budget);
Json to_json(const TrialSpec& spec);
Json to_json(const Trial& trial);            ///< {"schema": 1, "spec": …, "status": …, …}
Json to_json(const Machine& machine);
Json to_json(const Available<MemoryModules>& modules);
Json to_json(const MachineState& state);
Json to_json(const Abilities& abilities);    ///< {"latency": [{"working_set_bytes", "page_size", "s": {…}}], "blocks": […], …}
Json to_json(const Facts& facts);            ///< {"governor": {"value", "source"} | {"not_available", "how_to_get"}, …}
Json to_json(const Profile& profile);        ///< {"bandwidth": {"read": [{"threads", "bytes_per_s", "interval", …}]}, "compute": […]}
Json to_json(const Available<CyclicRead>& cyclic);
Json to_json(const Available<PowerMeter>& power);

Config config_from_json(const Json& json);
Measurement measurement_from_json(const Json& json);
std::vector<Disturbed> disturbed_from_json(const Json& json);
Workload workload_from_json(const Json& json);
Budget budget_from_json(const Json& json);
TrialSpec trial_spec_from_json(const Json& json);
Trial trial_from_json(const Json& json);
Machine machine_from_json(const Json& json);
Available<MemoryModules> memory_modules_from_json(const Json& json);
MachineState machine_state_from_json(const Json& json);
Abilities abilities_from_json(const Json& json);
Facts facts_from_json(const Json& json);
Profile profile_from_json(const Json& json);
Available<CyclicRead> cyclic_read_from_json(const Json& json);
Available<PowerMeter> power_meter_from_json(const Json& json);

/// Parses text; throws Error naming `what` and the byte where it stopped.
Json parse_json(const std::string& text, const std::string& what);

/// Dumps on one line; invalid UTF-8 (a host name, a path) is replaced, never thrown.
std::string dump_json(const Json& json, int indent = -1);

}  // namespace oldiron
