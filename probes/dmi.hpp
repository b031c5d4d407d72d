// Memory modules from the firmware's table (SMBIOS type 17).
#pragma once

#include <span>
#include <string>

#include "core/machine.hpp"

namespace oldiron {

inline constexpr const char* kDmiTable = "/sys/firmware/dmi/tables/DMI";

/// Reads the table below `root`; says why if it cannot (only root may, guests often have
/// none).
Available<MemoryModules> read_dmi_modules(const std::string& root = "/");

/// The same from the table's bytes.
Available<MemoryModules> parse_memory_modules(std::span<const unsigned char> table, const std::string& source = "");

/// The table's structures that tell of memory, without serial numbers and asset tags.
std::string anonymous_table(std::span<const unsigned char> table);

}  // namespace oldiron
