// What a probe's figures must be read with, said once for all figures that it hit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/machine.hpp"

namespace oldiron::reports {

/// One line per cause, of at most `columns` where what it names allows that: "neighbour in all reads, 36/39
/// latencies: 1.5 CPUs, mostly cc1plus". Safe for a terminal; empty where nothing was seen.
std::vector<std::string> noise_lines(const Profile& profile, int columns);

/// The same for the notes of a chart of these `kinds` of figures ("reads", "peaks", "stores", "latencies"),
/// as sentences of any length.
std::vector<std::string> noise_notes(const Profile& profile, const std::vector<std::string_view>& kinds);

}  // namespace oldiron::reports
