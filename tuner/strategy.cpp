// The table behind strategies.def.
#include "tuner/strategy.hpp"

#include <string>
#include <vector>

#include "core/text.hpp"

namespace oldiron {

std::span<const Strategy> strategies() {
  static constexpr Strategy kStrategies[] = {
#define STRATEGY(name, help) {#name, help, strategy_functions::name},
#include "tuner/strategies.def"
#undef STRATEGY
  };
  return kStrategies;
}

const Strategy& strategy(std::string_view name) {
  std::vector<std::string> known;
  for (const Strategy& each : strategies()) {
    if (each.name == name) return each;
    known.emplace_back(each.name);
  }
  const std::string near = nearest(name, known);
  throw Error("unknown strategy " + std::string(name) + (near.empty() ? "" : ": did you mean " + near + "?"));
}

}  // namespace oldiron
