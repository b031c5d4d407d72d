// Which memory modules the machine has, from wherever this process may read it.
#pragma once

#include <string>

#include "core/machine.hpp"

namespace oldiron {

/// The firmware's table, which is root's; else udev's copy of it, else the file that `oldiron facts` wrote as
/// root. Says why if there is none of them.
Available<MemoryModules> read_memory_modules(const std::string& root = "/");

}  // namespace oldiron
