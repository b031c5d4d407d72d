// The list of strategies. A strategy asks a Search to measure configurations and adopts the best; tune() does
// the rest.
#pragma once

#include <span>
#include <string_view>

#include "tuner/search.hpp"

namespace oldiron {

struct Strategy {
  std::string_view name;
  std::string_view help;
  void (*explore)(Search&);
};

std::span<const Strategy> strategies();

/// Throws Error naming the nearest known one.
const Strategy& strategy(std::string_view name);

#define STRATEGY(name, help) void name(Search& search);

namespace strategy_functions {
#include "tuner/strategies.def"
}

#undef STRATEGY

}  // namespace oldiron
