// MachineCard: a machine that is described by a file, from public figures, so that one can ask about a server before buying
// it.
#pragma once

#include <string>
#include <vector>

#include "core/machine.hpp"

namespace oldiron {

/// What is known of a figure: its ends, and where it likely is. likely 0: nobody can tell where inside.
struct Estimate {
  double low = 0, likely = 0, high = 0;
  bool operator==(const Estimate&) const = default;
};

/// Share of the paper figure that reading reaches on servers and desktops of these generations, where a machine has
/// no figure of its own. The low end is 75 of 102.4 GB/s (STREAM triad, two Xeon E5-2695 v2, Puget Systems, "Memory
/// Performance for Intel Xeon Haswell-EP DDR4"), the high one 64.5 of 76.8 (i9-13900K, README of gemma4-cpu-moe);
/// 102 of 136.5 (two Xeon E5 v3, the same article) and 128 of 153.6 (two E5-2699 v4, Intel, by AnandTech, "Sizing Up
/// Servers") lie between. Likely is their middle.
inline constexpr Estimate kReadOfPaper = {.low = 0.73, .likely = 0.785, .high = 0.84};

struct MachineCard {
  std::string id = {};
  Machine machine = {};
  double paper_bytes_per_s = 0;    ///< of all channels of all sockets
  Estimate read_bytes_per_s = {};     ///< by all threads
  bool read_is_published = false;  ///< else it is kReadOfPaper
  Estimate ops_per_s = {};            ///< int8, of all cores that count; all 0: not known
  std::string instruction = {};    ///< that does them
  std::vector<std::string> sources = {};
  std::vector<std::string> unverified = {};  ///< what nobody has sent measurements of
  bool operator==(const MachineCard&) const = default;
};

/// Reads a card (configs/machines/*.json; docs/cards.md has the keys). Two sockets: the range goes from what one of
/// them likely reads at least to what both could at best, and is unverified. Throws Error.
MachineCard machine_from_card(const std::string& path);

}  // namespace oldiron
