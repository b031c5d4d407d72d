#include <cstdlib>
#include <filesystem>

#include "app/commands.hpp"

namespace oldiron {

std::string cards_dir() {
  if (const char* configs = std::getenv("OLDIRON_CONFIGS")) return std::string(configs) + "/models";
  if (std::filesystem::exists(OLDIRON_CONFIGS "/models")) return OLDIRON_CONFIGS "/models";
  return std::filesystem::canonical("/proc/self/exe").parent_path() / "configs" / "models";
}

}  // namespace oldiron
