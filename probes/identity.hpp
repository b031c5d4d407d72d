// What the machine is called: CPU, hypervisor, kernel, memory; read below a root folder.
#pragma once

#include <string>

#include "core/machine.hpp"

namespace oldiron {

/// Fills cpu_model, hypervisor, kernel, transparent_huge_pages, memory_bytes and modules.
void read_identity(const std::string& root, Machine& machine);

}  // namespace oldiron
