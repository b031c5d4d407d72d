// InputFile: a regular file that many threads read at given places.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace oldiron {

/// Opens `path` to read; throws Error if it is missing, may not be read, or is no regular file. A file of a megabyte or
/// more is mapped: what is in the page cache is then copied once.
class InputFile {
 public:
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }

  std::uint64_t size() const { return size_; }

  /// Fills out[0, bytes) from `offset`. Thread-safe. Throws Error with the byte at which the file ends or
  /// fails, also if it was cut since it was opened.
  void read(std::uint64_t offset, std::size_t bytes, std::byte* out) const;

 private:
  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::byte* map_ = nullptr;  ///< of the whole file; nullptr: read with pread
  mutable std::atomic<std::uint64_t> touched_ = 0;  ///< bytes copied since the mapping's pages were let go
};

}  // namespace oldiron
