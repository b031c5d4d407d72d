// Files and the page cache: what of them it holds, how fast the rest comes, and dropping them from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/check.hpp"
#include "core/storage.hpp"

namespace oldiron {

struct FileSystem {
  std::string name = {};  ///< "ext4"; "file system 0x…" where it has no name here
  bool network = false;
};

/// Of the file; throws Error if it cannot be read.
FileSystem file_system_of(const std::string& path);

/// Bytes of these files that the page cache holds (mincore). Not available to whoever neither owns a file nor may write
/// to it: the kernel tells them that all of it is there.
Available<std::int64_t> cached_bytes(const std::vector<std::string>& files);

/// Of all of these files; throws Error if one cannot be read.
std::int64_t bytes_of_files(const std::vector<std::string>& files);

/// Reads up to 256 MB or two seconds of what is not in the page cache, and as much in half a second of what is; drops
/// again what it read from storage. Throws Error if a file cannot be read.
Storage measure_storage(const std::vector<std::string>& files);

/// Has the kernel forget the files' pages, so that the next reader reads from storage. An empty text, or why pages are
/// still there: another process has mapped them.
std::string drop_from_cache(const std::vector<std::string>& files);

/// Swap in use on the whole machine; -1: not known.
std::int64_t swap_used_bytes(const std::string& root = "/");

}  // namespace oldiron
