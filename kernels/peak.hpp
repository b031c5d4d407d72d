// How fast an ISA can at best multiply: its product instruction alone, on registers, beside the clock of the
// same moment.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/machine.hpp"
#include "kernels/isa.hpp"

namespace oldiron {

struct Peak {
  Isa isa;
  ComputeType type;
  const char* instruction;
  int operations;                     ///< of one instruction: additions and multiplications
  void (*loop)(std::int64_t rounds);  ///< kPeakRound instructions a round, none waiting for another
};

inline constexpr int kPeakRound = 24;

/// All rows of kernels/peaks.def, slowest ISA first, also those that do not run here.
std::span<const Peak> peaks();

/// What one thread did in one moment.
struct PeakSample {
  double instructions_per_s = 0;
  double clock_hz = 0;  ///< of chains of additions between the loops, before the clock can change

  double per_cycle() const { return clock_hz > 0 ? instructions_per_s / clock_hz : 0; }
};

/// Rounds of a slice of the loop; found in a millisecond, once per row.
std::int64_t peak_rounds(const Peak& peak);

/// Slices of the loop and chains in turns, some 2.5 ms on the calling thread; the medians of both.
PeakSample sample_peak(const Peak& peak, std::int64_t rounds);

/// The rate that a core is built for, next above a measured one: 2, 1.5, 1 instructions a cycle, or 1 in 2, 3
/// … cycles.
double built_per_cycle(double measured_per_cycle);

/// Empty if the measured rate is at least 95 % of what the core is built for; else "1.71 vpdpbusd per cycle
/// are …".
std::string why_no_peak(const Peak& peak, double measured_per_cycle);

}  // namespace oldiron
