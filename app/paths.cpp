#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "app/commands.hpp"
#include "core/check.hpp"

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

void make_out_dir(const std::string& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error)
    throw Error(fmt::format("--out {}: the folder cannot be made ({}); choose one that you may write to", dir,
                            error.message()));
  if (::access(dir.c_str(), W_OK | X_OK) != 0)
    throw Error(fmt::format("--out {}: nothing can be written there ({}); choose a folder that you may write to", dir,
                            std::strerror(errno)));
}

}  // namespace oldiron
