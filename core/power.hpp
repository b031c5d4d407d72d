// What a machine draws while it works, and what its tokens cost.
#pragma once

#include <string>

#include "core/check.hpp"
#include "core/measurement.hpp"

namespace oldiron {

/// Who can say what the machine draws.
struct PowerMeter {
  std::string source = {};     ///< "RAPL: 2 packages and 2 DRAM"
  bool whole_machine = false;  ///< else disks, fans, board and the losses of the power supply are missing
  Measurement idle_w = {};     ///< before the first trial; without samples: not measured
  bool operator==(const PowerMeter&) const = default;
};

/// What the user pays, and how much the machine has to do.
struct Tariff {
  double price_per_kwh = 0;   ///< in any currency; 0: not told
  double hours_per_day = 24;  ///< busy with turns; the rest of the day it is on and idle
  bool operator==(const Tariff&) const = default;
};

/// A turn of the workload: what it takes of both phases.
struct TurnPower {
  double prefill_w = 0, decode_w = 0, idle_w = 0;  ///< idle 0: not known
  double prefill_s = 0, decode_s = 0;
  int generate_tokens = 0;
};

/// Joules of one generated token, its share of the prompt not counted.
double decode_j_per_token(const TurnPower& turn);

/// Joules of one turn, prompt and all.
double turn_j(const TurnPower& turn);

/// For a million generated tokens, prompts and idle hours counted, in the currency of the price. Not
/// available without a price, and with idle hours whose power is not known.
Available<double> cost_per_million_tokens(const TurnPower& turn, const Tariff& tariff);

}  // namespace oldiron
