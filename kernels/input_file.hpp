// InputFile: a regular file that many threads read at given places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace oldiron {

/// Opens `path` to read; throws Error if it is missing, may not be read, or is no regular file.
class InputFile {
 public:
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }

  std::uint64_t size() const { return size_; }

  /// Fills out[0, bytes) from `offset`. Thread-safe. Throws Error with the byte at which the file ends or
  /// fails.
  void read(std::uint64_t offset, std::size_t bytes, std::byte* out) const;

 private:
  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace oldiron
