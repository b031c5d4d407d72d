// What changes from minute to minute: how much of the machine this process may take now.
#pragma once

#include <string>

#include "core/machine.hpp"

namespace oldiron {

/// Reads proc, sys and the control groups below `root`; takes about a millisecond.
///
/// With `watch_s` > 0 it looks twice, that far apart, and fills steal_fraction and other_cpu_fraction; else
/// they are 0.
MachineState read_state(const std::string& root = "/", double watch_s = 0);

/// OS numbers of the CPUs that affinity and cpuset leave to this process.
std::vector<int> allowed_cpus(const std::string& root = "/");

}  // namespace oldiron
