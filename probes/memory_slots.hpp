// What a board's memory slots add up to: channels named by the slots' labels, and what they carry on paper.
#pragma once

#include <string>
#include <vector>

#include "core/machine.hpp"

namespace oldiron {

/// Fills `channel` of every slot, or of none: labels that name channels for some slots only are not believed.
///
/// Of "P1-DIMMA2", "DIMM_A2" or "A2" the letter is a channel, unless a letter has more slots than a channel can
/// have (3): then it is a socket. Labels with the word CHANNEL are read as they stand.
void name_channels(std::vector<MemoryModule>& table);

/// Sums up slots whose channels are named. Says why if they tell neither type nor speed, or if there are none.
Available<MemoryModules> sum_up(std::vector<MemoryModule> table, const std::string& source);

}  // namespace oldiron
