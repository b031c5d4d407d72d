// `oldiron model`: the screen's facts, gathered from this machine, from a described one, or from an earlier probe.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "core/json.hpp"
#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "probes/probe_machine.hpp"
#include "probes/state.hpp"
#include "reports/screens.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

/// The machine that is asked about.
struct Asked {
  Machine machine;
  MachineState state;
  Profile profile;                      ///< measured; empty if nothing was
  std::optional<MachineCard> card = {};  ///< of a described machine
};

/// What a described machine could give to a load: all of its memory but the reserve.
MachineState state_of(const Machine& machine) {
  MachineState state;
  for (const Core& core : machine.cores) state.allowed_cpus += static_cast<int>(core.cpus.size());
  state.memory_available_bytes = machine.memory_bytes;
  return state;
}

Asked from_probe(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  Asked asked;
  asked.machine = machine_from_json(reader.at("machine"));
  asked.state = machine_state_from_json(reader.at("state"));
  asked.profile = profile_from_json({{"bandwidth", reader.at("bandwidth")}, {"compute", reader.at("compute")}});
  return asked;
}

Asked from_file(const std::string& name) {
  const std::string known = machines_dir() + "/" + name + ".json";
  const std::string path = fs::exists(known) ? known : name;
  if (!fs::exists(path)) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(machines_dir(), ignored))
      names.push_back(entry.path().stem().string());
    std::sort(names.begin(), names.end());
    throw Error(fmt::format("--machine {}: no such file, and no machine of that name{}; machines: {}", name,
                            did_you_mean(name, names), fmt::join(names, ", ")));
  }
  const Json json = parse_json(read_file(path), path);
  if (json.is_object() && json.contains("bandwidth")) return from_probe(json, path);
  Asked asked;
  asked.card = machine_from_card(path);
  asked.machine = asked.card->machine;
  asked.state = state_of(asked.machine);
  return asked;
}

Asked this_machine(bool measure) {
  Asked asked{.machine = read_machine(), .state = read_state(), .profile = {}};
  if (measure) asked.profile = measure_quickly(asked.machine, asked.state);
  return asked;
}

reports::ModelScreen screen_of(const ModelRequest& request, const Options& options, const Asked& asked) {
  reports::ModelScreen screen;
  screen.model = describe_model(request, cards_dir());
  screen.config = resolve(options.config(), asked.machine, asked.state, screen.model);
  // A described machine is not this one: what may run here is no question.
  const std::string reason = asked.card ? "" : why_invalid(screen.config, asked.machine, screen.model);
  if (!reason.empty()) throw Error(reason);
  screen.context = options.context;
  if (options.context > 0 && std::find(screen.contexts.begin(), screen.contexts.end(), options.context) ==
                                 screen.contexts.end())
    screen.contexts.front() = options.context;
  std::sort(screen.contexts.begin(), screen.contexts.end());
  screen.parallel = screen.config.parallel;
  screen.workload.prompt_tokens = options.prompt_tokens;
  screen.workload.generate_tokens = options.generate_tokens;
  if (!options.routing.empty()) screen.routing = routing_from_text(options.routing);
  if (!options.draft.empty()) {
    ModelRequest draft = request;
    draft.model = options.draft;
    screen.draft = describe_model(draft, cards_dir());
  }
  screen.claim_tokens_per_s = options.claim;
  screen.machine = asked.machine;
  screen.usable_memory_bytes = usable_memory_bytes(asked.state);
  if (asked.card) {
    screen.described = true;
    screen.ability = ability_of(*asked.card, screen.model, screen.config);
    screen.unverified = asked.card->unverified;
    screen.sources = asked.card->sources;
  } else {
    screen.ability = ability_of(asked.machine, asked.profile, screen.model, screen.config);
  }
  return screen;
}

}  // namespace

int cmd_model(const Options& options) {
  // Names are checked before anything is measured.
  describe_model(options.model, cards_dir());
  ModelRequest second = options.model;
  second.model = options.second_model;
  if (!second.model.empty()) describe_model(second, cards_dir());
  const Asked asked = options.machine.empty() ? this_machine(!options.no_measure) : from_file(options.machine);
  const reports::ModelScreen screen = screen_of(options.model, options, asked);
  std::string text, json;
  if (!second.model.empty()) {
    const reports::ModelScreen other = screen_of(second, options, asked);
    text = reports::models_text(screen, other);
    json = reports::models_json(screen, other);
  } else {
    text = options.claim > 0 ? reports::claim_text(screen) : reports::model_text(screen);
    json = reports::model_json(screen);
  }
  if (!options.json_path.empty()) write_file(options.json_path, json);
  fmt::print("{}", text);
  return 0;
}

}  // namespace oldiron
