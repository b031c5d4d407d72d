// The parts of the screen of `oldiron probe` below the machine's card: rows of at most 80 columns, each part
// empty where its figures were not measured.
#pragma once

#include <string>

#include "core/machine.hpp"

namespace oldiron::reports {

/// Read bandwidth over threads beside the theoretical line, how it was read, and whether memory is the limit.
std::string reads_text(const Machine& machine, const Profile& profile);

/// Writing, copying and the triad over threads, through the caches and past them.
std::string streams_text(const Abilities& abilities);

/// The cores of every node on the memory of every node.
std::string nodes_text(const Abilities& abilities);

/// Latency over working sets and under load, scattered blocks, hand-overs, barriers.
std::string abilities_text(const Abilities& abilities);

}  // namespace oldiron::reports
