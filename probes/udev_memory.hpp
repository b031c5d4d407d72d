// Memory modules from udev's database: what systemd read of the firmware's table as root when the machine
// started, in a file that everybody may read.
#pragma once

#include <string>
#include <string_view>

#include "core/machine.hpp"

namespace oldiron {

/// Reads /run/udev/data/+dmi:id below `root`. systemd fills it since version 248; containers rarely show it.
Available<MemoryModules> read_udev_modules(const std::string& root = "/");

/// The same from the file's text: lines "E:MEMORY_DEVICE_0_SIZE=17179869184". Keys: systemd,
/// src/udev/dmi_memory_id/dmi_memory_id.c.
Available<MemoryModules> parse_udev_modules(std::string_view text, const std::string& source = "");

}  // namespace oldiron
