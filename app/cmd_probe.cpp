#include <fmt/format.h>

#include "app/commands.hpp"
#include "core/text.hpp"
#include "probes/probe_machine.hpp"
#include "reports/screens.hpp"

namespace oldiron {

int cmd_probe(const Options& options) {
  const Probed probed = probe_machine(options.quick, [](const std::string& next) { fmt::print(stderr, "{}\n", next); });
  const reports::ProbeScreen screen{.machine = probed.machine, .state = probed.state, .profile = probed.profile};
  if (!options.json_path.empty()) write_file(options.json_path, reports::probe_json(screen));
  fmt::print("{}", reports::probe_text(screen));
  return 0;
}

}  // namespace oldiron
