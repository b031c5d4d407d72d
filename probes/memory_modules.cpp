#include "probes/memory_modules.hpp"

#include "probes/dmi.hpp"
#include "probes/facts_file.hpp"
#include "probes/udev_memory.hpp"

namespace oldiron {

Available<MemoryModules> read_memory_modules(const std::string& root) {
  const auto table = read_dmi_modules(root);
  if (table) return table;
  if (const auto udev = read_udev_modules(root)) return udev;
  if (const auto file = read_root_facts(root); file && file->modules) return file->modules;
  return table;
}

}  // namespace oldiron
