// OutputFile: a large file that appears under its name only when it is whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace oldiron {

/// Writes to a nameless file in the folder of `path` (a named temporary where the file system has no such
/// thing), so that neither an Error nor a killed process leaves gigabytes behind. Every function throws
/// Error.
class OutputFile {
 public:
  /// Refuses a folder that has no room for `bytes`.
  OutputFile(std::string path, std::uint64_t bytes);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const std::byte* data, std::size_t bytes);

  std::uint64_t written() const { return written_; }

  /// Gives the file its name, replacing what had it.
  void commit();

 private:
  [[noreturn]] void fail(const char* doing) const;

  std::string path_;
  std::string temporary_;
  int fd_ = -1;
  bool named_ = false;  ///< temporary_ exists
  std::uint64_t written_ = 0;
};

}  // namespace oldiron
