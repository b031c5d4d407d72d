// How the machine is set up, from /proc, /sys and the control groups; a few milliseconds.
#pragma once

#include <string>
#include <string_view>

#include "core/facts.hpp"
#include "core/machine.hpp"

namespace oldiron {

/// Reads below `root`. `machine` tells guests from hosts, and how many sockets and nodes there are.
Facts read_facts(const std::string& root, const Machine& machine);

/// Of the kernel's command line, what sets up CPUs and memory; the rest may name disks, hosts and keys.
std::string known_kernel_options(std::string_view line);

}  // namespace oldiron
