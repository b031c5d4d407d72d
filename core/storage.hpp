// Storage: what a model's files lie on, and how long reading them takes.
#pragma once

#include <cstdint>
#include <string>

namespace oldiron {

struct Storage {
  std::string file_system = {};  ///< "ext4", "nfs"; a number where it has no name here
  bool network = false;          ///< other machines hold it
  std::int64_t file_bytes = 0;   ///< of all parts
  std::int64_t cached_bytes = -1;  ///< of them in the page cache; -1: not known
  std::string no_cached = {};      ///< why not
  double bytes_per_s = 0;          ///< of what is not in the page cache; 0: all of it is
  double cached_bytes_per_s = 0;   ///< of what is; 0: nothing is
  bool operator==(const Storage&) const = default;

  /// Of reading every byte once: the file as it is now, or none of it in the page cache; 0: not known. What an engine does
  /// with the bytes comes on top.
  double load_s() const;
  double cold_load_s() const;
};

/// "13.9 GB on ext4, 40 % of it in the page cache; the rest comes at 98 MB/s: 1 min 25 s"
std::string storage_text(const Storage& storage);

}  // namespace oldiron
