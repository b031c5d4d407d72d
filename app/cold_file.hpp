// --cold: whether a model's files may be, and can be, dropped from the page cache before each load.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "probes/storage.hpp"

namespace oldiron {

/// Drops the files once. Throws Error, before anything is dropped, if they lie on a network file system or nobody could see
/// whether they were; and if another process keeps them.
void check_cold(const std::vector<std::string>& files, const std::function<FileSystem(const std::string& file)>& file_system = file_system_of);

}  // namespace oldiron
