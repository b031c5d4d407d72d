// OutputFile: a large file that appears under its name only when it is whole.
#include "kernels/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/check.hpp"
#include "core/text.hpp"

namespace oldiron {

OutputFile::OutputFile(std::string path, std::uint64_t bytes)
    : path_(std::move(path)), temporary_(fmt::format("{}.{}.part", path_, getpid())) {
  const std::filesystem::path parent = std::filesystem::path(path_).parent_path();
  const std::string folder = parent.empty() ? std::string(".") : parent.string();
  if (std::error_code ignored; std::filesystem::is_directory(path_, ignored)) {
    throw Error(fmt::format("{} is a folder; name a file in it", path_));
  }

  struct statvfs room {};

  if (statvfs(folder.c_str(), &room) != 0) fail("created");
  const double free_bytes = static_cast<double>(room.f_bavail) * static_cast<double>(room.f_frsize);
  if (free_bytes < static_cast<double>(bytes)) {
    throw Error(fmt::format("{} needs {} and {} has {} free; name a file on a larger disk", path_,
                            bytes_text(static_cast<double>(bytes)), folder, bytes_text(free_bytes)));
  }
  fd_ = open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (fd_ < 0) {
    fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    named_ = fd_ >= 0;
  }
  if (fd_ < 0) fail("created");
}

OutputFile::~OutputFile() {
  close(fd_);
  if (named_) unlink(temporary_.c_str());
}

void OutputFile::fail(const char* doing) const {
  throw Error(fmt::format("{} cannot be {}: {}", path_, doing, std::generic_category().message(errno)));
}

void OutputFile::write(const std::byte* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t n = ::write(fd_, data, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail("written");
    data += n;
    bytes -= static_cast<std::size_t>(n);
    written_ += static_cast<std::uint64_t>(n);
  }
}

void OutputFile::commit() {
  if (!named_) {
    const std::string handle = fmt::format("/proc/self/fd/{}", fd_);
    unlink(temporary_.c_str());  // of a process that had our number and was killed between the next two calls
    named_ = linkat(AT_FDCWD, handle.c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW) == 0;
    if (!named_) fail("named");
  }
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail("named");
  named_ = false;
}

}  // namespace oldiron
