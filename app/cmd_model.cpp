#include <fmt/format.h>

#include "app/commands.hpp"
#include "core/text.hpp"
#include "probes/probe_machine.hpp"
#include "probes/state.hpp"
#include "reports/screens.hpp"

namespace oldiron {

int cmd_model(const Options& options) {
  const ModelSpec model = describe_model(options.model, cards_dir());
  const Machine machine = read_machine();
  const MachineState state = read_state();
  const Config config = resolve(options.config(), machine, state, model);
  if (const std::string reason = why_invalid(config, machine, model); !reason.empty()) throw Error(reason);
  for (const std::string& remark : model.remarks) fmt::print(stderr, "{}: {}\n", model.id, remark);
  reports::ModelScreen screen;
  screen.model = model;
  screen.config = config;
  screen.context = options.context;
  if (options.context > 0) screen.memory_contexts = {options.context};
  screen.usable_memory_bytes = usable_memory_bytes(state);
  if (!options.json_path.empty()) write_file(options.json_path, reports::model_json(screen));
  fmt::print("{}", reports::model_text(screen));
  return 0;
}

}  // namespace oldiron
