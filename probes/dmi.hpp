// Memory modules from the firmware's table (SMBIOS type 17).
#pragma once

#include <span>
#include <string>

#include "core/machine.hpp"

namespace oldiron {

/// Reads /sys/firmware/dmi/tables/DMI below `root`; says why if it cannot (only root may, guests often have
/// none).
Available<MemoryModules> read_memory_modules(const std::string& root = "/");

/// The same from the table's bytes.
Available<MemoryModules> parse_memory_modules(std::span<const unsigned char> table);

}  // namespace oldiron
