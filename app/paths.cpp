#include <cstdlib>
#include <filesystem>

#include "app/commands.hpp"

namespace oldiron {

namespace {

std::string configs_dir() {
  if (const char* configs = std::getenv("OLDIRON_CONFIGS")) return configs;
  if (std::filesystem::exists(OLDIRON_CONFIGS "/models")) return OLDIRON_CONFIGS;
  return std::filesystem::canonical("/proc/self/exe").parent_path() / "configs";
}

}  // namespace

std::string cards_dir() { return configs_dir() + "/models"; }

std::string machines_dir() { return configs_dir() + "/machines"; }

}  // namespace oldiron
