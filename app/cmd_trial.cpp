#include <iostream>

#include "app/commands.hpp"
#include "runner/guard.hpp"
#include "runner/own_engine.hpp"

namespace oldiron {

int cmd_trial(const Options&) {
  OwnEngine engine(cards_dir());
  return serve(std::cin, std::cout, [&engine](const TrialSpec& spec, const Tell& tell) { return engine.run(spec, tell); });
}

int cmd_guard(const Options& options) { return guard_main(options.rest); }

}  // namespace oldiron
