#include "app/cold_file.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "core/text.hpp"

namespace oldiron {

void check_cold(const std::vector<std::string>& files, const std::function<FileSystem(const std::string& file)>& file_system) {
  for (const std::string& file : files)
    if (const FileSystem system = file_system(file); system.network)
      throw Error(fmt::format("--cold: {} lies on a network file system ({}), whose server would have to send it again for each load; copy it here, or leave --cold out",
                              file, system.name));
  if (const auto cached = cached_bytes(files); !cached)
    throw Error(fmt::format("--cold: whether {} was dropped cannot be seen ({}); run as its owner, or leave --cold out", files.front(), cached.reason()));
  fmt::print(stderr, "--cold: dropping {} from the page cache\n", bytes_text(static_cast<double>(bytes_of_files(files))));
  if (const std::string kept = drop_from_cache(files); !kept.empty()) throw Error("--cold: " + kept + "; end it, or leave --cold out");
}

}  // namespace oldiron
