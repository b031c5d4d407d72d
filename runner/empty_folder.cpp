#include "runner/empty_folder.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "core/check.hpp"

namespace oldiron {

namespace fs = std::filesystem;

EmptyFolder::EmptyFolder() {
  std::error_code ignored;
  path_ = (fs::temp_directory_path(ignored) / "oldiron_XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) throw Error(fmt::format("cannot make a folder like {}; set TMPDIR to one that can be written to", path_));
}

EmptyFolder::~EmptyFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace oldiron
