// InputFile: a regular file that many threads read at given places.
#include "kernels/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "core/check.hpp"
#include "kernels/mapped_copy.hpp"

namespace oldiron {

namespace {

constexpr std::uint64_t kMapFrom = 1 << 20;
constexpr std::uint64_t kLetGoAfter = 64 << 20;  // pages of the mapping count as this process's memory until then

std::string reason() { return std::generic_category().message(errno); }

}  // namespace

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  // O_NONBLOCK: opening a pipe that nobody writes must fail below instead of waiting for ever.
  fd_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0)
    throw Error(fmt::format("{} cannot be opened: {}; check the path and its permissions", path_, reason()));

  struct stat status {};

  const bool known = fstat(fd_, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    const std::string why = known && S_ISDIR(status.st_mode) ? "is a folder" : "is no regular file";
    close(fd_);
    throw Error(fmt::format("{} {}; name a file", path_, why));
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
  if (size_ < kMapFrom) return;
  void* map = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd_, 0);
  if (map != MAP_FAILED) map_ = static_cast<std::byte*>(map);
}

InputFile::~InputFile() {
  if (map_ != nullptr) munmap(map_, size_);
  close(fd_);
}

void InputFile::read(std::uint64_t offset, std::size_t bytes, std::byte* out) const {
  if (map_ != nullptr && offset <= size_ && bytes <= size_ - offset && copy_mapped(out, map_ + offset, bytes)) {
    if (touched_.fetch_add(bytes) + bytes < kLetGoAfter) return;
    touched_ = 0;
    madvise(map_, size_, MADV_DONTNEED);
    return;
  }
  // Of what cannot be copied the reason is found here.
  while (bytes > 0) {
    const ssize_t got = pread(fd_, out, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(fmt::format("{} cannot be read at byte {}: {}", path_, offset, reason()));
    if (got == 0) {
      throw Error(
          fmt::format("{} ends at byte {}, {} bytes too early; get the file again", path_, offset, bytes));
    }
    offset += static_cast<std::uint64_t>(got);
    out += got;
    bytes -= static_cast<std::size_t>(got);
  }
}

}  // namespace oldiron
