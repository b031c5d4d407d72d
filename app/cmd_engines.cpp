// `oldiron engines`: the builds that are here, or how to make one.
#include <fmt/format.h>

#include "app/commands.hpp"
#include "core/text.hpp"
#include "probes/probe_machine.hpp"
#include "reports/engines_screen.hpp"
#include "runner/engine_builds.hpp"
#include "runner/kept_answers.hpp"
#include "runner/signals.hpp"

namespace oldiron {

int cmd_engines(const Options& options) {
  install_interrupt_handlers();
  const reports::EnginesScreen screen{
      .where = options.engine_dir,
      .builds = find_engine_builds({.dir = options.engine_dir, .cache_dir = engine_cache_dir()}),
      .machine = read_machine(),
  };
  if (!options.json_path.empty()) write_file(options.json_path, reports::engines_json(screen));
  fmt::print("{}", reports::engines_text(screen));
  return 0;
}

}  // namespace oldiron
