#include "probes/storage.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/clock.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

constexpr std::int64_t kPage = 4096, kChunk = 1 << 20;
constexpr std::int64_t kMost_bytes = 256 << 20;
constexpr double kMost_s = 2, kCachedMost_s = 0.5;
// A run shorter than this says more of one seek than of reading.
constexpr std::int64_t kLeast_bytes = 4 << 20;

struct FileSystemName {
  std::uint32_t magic;  // statfs(2) and linux/magic.h
  std::string_view name;
  bool network;
};

constexpr std::array kFileSystems = {
    FileSystemName{0xef53, "ext4", false},     FileSystemName{0x58465342, "xfs", false},   FileSystemName{0x9123683e, "btrfs", false},
    FileSystemName{0x2fc12fc1, "zfs", false},  FileSystemName{0xf2f52010, "f2fs", false},  FileSystemName{0x794c7630, "overlayfs", false},
    FileSystemName{0x01021994, "tmpfs", false}, FileSystemName{0x6969, "nfs", true},        FileSystemName{0xff534d42, "cifs", true},
    FileSystemName{0xfe534d42, "smb2", true},  FileSystemName{0x00c36400, "ceph", true},   FileSystemName{0x01021997, "9p", true},
    FileSystemName{0x65735546, "fuse", true},  FileSystemName{0x5346414f, "afs", true},    FileSystemName{0x73757245, "coda", true}};

/// An open file, mapped for asking mincore, never for reading.
class ProbedFile {
 public:
  explicit ProbedFile(const std::string& path) : path_(path), fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status = {};
    if (fd_ < 0 || fstat(fd_, &status) != 0) {
      const int error = errno;
      if (fd_ >= 0) close(fd_);
      throw Error(fmt::format("{}: cannot be read: {}", path, std::strerror(error)));
    }
    bytes_ = status.st_size;
    told_ = status.st_uid == geteuid() || faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
  }
  ~ProbedFile() { close(fd_); }
  ProbedFile(const ProbedFile&) = delete;
  ProbedFile& operator=(const ProbedFile&) = delete;

  std::int64_t bytes() const { return bytes_; }
  int fd() const { return fd_; }
  const std::string& path() const { return path_; }
  bool told() const { return told_; }

  /// One byte per page, its lowest bit set where the page cache holds it; empty if the kernel does not say.
  std::vector<unsigned char> pages() const {
    if (bytes_ == 0) return {};
    void* at = mmap(nullptr, static_cast<std::size_t>(bytes_), PROT_READ, MAP_SHARED, fd_, 0);
    if (at == MAP_FAILED) return {};
    std::vector<unsigned char> pages(static_cast<std::size_t>((bytes_ + kPage - 1) / kPage));
    const bool told = mincore(at, static_cast<std::size_t>(bytes_), pages.data()) == 0;
    munmap(at, static_cast<std::size_t>(bytes_));
    return told ? pages : std::vector<unsigned char>{};
  }

 private:
  std::string path_;
  int fd_ = -1;
  std::int64_t bytes_ = 0;
  bool told_ = false;
};

struct Run {
  std::int64_t begin = 0, bytes = 0;
};

/// The longest run of pages that are there, or are not.
Run longest_run(const std::vector<unsigned char>& pages, bool cached) {
  Run longest, run;
  for (std::size_t i = 0; i <= pages.size(); ++i) {
    if (i < pages.size() && ((pages[i] & 1) != 0) == cached) {
      if (run.bytes == 0) run.begin = static_cast<std::int64_t>(i) * kPage;
      run.bytes += kPage;
      continue;
    }
    if (run.bytes > longest.bytes) longest = run;
    run = {};
  }
  return longest;
}

/// Bytes per second of reading from `run` for `most_s` at most; 0 if nothing could be read.
double read_rate(const ProbedFile& file, Run run, double most_s) {
  std::vector<char> buffer(kChunk);
  const std::int64_t end = run.begin + std::min(run.bytes, kMost_bytes);
  std::int64_t at = run.begin;
  const double start_s = now_s();
  while (at < end && now_s() - start_s < most_s) {
    const ssize_t got = pread(file.fd(), buffer.data(), static_cast<std::size_t>(std::min(kChunk, end - at)), at);
    if (got <= 0) break;
    at += got;
  }
  const double took_s = now_s() - start_s;
  return at > run.begin && took_s > 0 ? static_cast<double>(at - run.begin) / took_s : 0;
}

void drop(const ProbedFile& file, Run run) { posix_fadvise(file.fd(), run.begin, run.bytes, POSIX_FADV_DONTNEED); }

std::int64_t count_cached(const ProbedFile& file, const std::vector<unsigned char>& pages) {
  const auto held = std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1) != 0; });
  return std::min(file.bytes(), static_cast<std::int64_t>(held) * kPage);
}

std::string not_told(const ProbedFile& file) {
  return fmt::format("only the owner of {} and who may write to it is told", file.path());
}

FileSystem file_system_of(const ProbedFile& file) {
  struct statfs system = {};
  fstatfs(file.fd(), &system);
  const auto magic = static_cast<std::uint32_t>(system.f_type);
  for (const FileSystemName& known : kFileSystems)
    if (known.magic == magic) return {std::string(known.name), known.network};
  return {fmt::format("file system {:#x}", magic), false};
}

}  // namespace

FileSystem file_system_of(const std::string& path) { return file_system_of(ProbedFile(path)); }

Available<std::int64_t> cached_bytes(const std::vector<std::string>& files) {
  std::int64_t sum = 0;
  for (const std::string& path : files) {
    const ProbedFile file(path);
    if (!file.told()) return Available<std::int64_t>::not_available(not_told(file));
    sum += count_cached(file, file.pages());
  }
  return sum;
}

std::int64_t bytes_of_files(const std::vector<std::string>& files) {
  std::int64_t sum = 0;
  for (const std::string& path : files) sum += ProbedFile(path).bytes();
  return sum;
}

Storage measure_storage(const std::vector<std::string>& files) {
  Storage storage;
  storage.cached_bytes = 0;
  for (const std::string& path : files) {
    const ProbedFile file(path);
    storage.file_bytes += file.bytes();
    if (storage.file_system.empty()) {
      FileSystem system = file_system_of(file);
      storage.file_system = std::move(system.name);
      storage.network = system.network;
    }
    const std::vector<unsigned char> pages = file.pages();
    if (file.told() && storage.cached_bytes >= 0) storage.cached_bytes += count_cached(file, pages);
    else if (storage.cached_bytes >= 0) {
      storage.cached_bytes = -1;
      storage.no_cached = not_told(file);
    }
    // To whom nothing is told, every page looks as if it were there: what is read then may be either.
    const Run absent = longest_run(pages, false), present = longest_run(pages, true);
    if (absent.bytes >= std::min(kLeast_bytes, file.bytes()) && absent.bytes > 0 && storage.bytes_per_s <= 0) {
      storage.bytes_per_s = read_rate(file, absent, kMost_s);
      drop(file, absent);
    }
    if (present.bytes > 0 && storage.cached_bytes_per_s <= 0) {
      const double rate = read_rate(file, present, kCachedMost_s);
      (file.told() ? storage.cached_bytes_per_s : storage.bytes_per_s) = rate;
    }
  }
  if (storage.cached_bytes >= 0 && storage.bytes_per_s <= 0) storage.cached_bytes = storage.file_bytes;
  return storage;
}

std::string drop_from_cache(const std::vector<std::string>& files) {
  std::int64_t left = 0;
  for (const std::string& path : files) {
    const ProbedFile file(path);
    fdatasync(file.fd());  // a page that is not written yet cannot be dropped
    drop(file, {0, file.bytes()});
    if (file.told()) left += count_cached(file, file.pages());
  }
  if (left == 0) return "";
  return fmt::format("{} bytes of the model stay in the page cache: another process has them mapped or locked", left);
}

std::int64_t swap_used_bytes(const std::string& root) {
  const std::string memory = read_text(below(root, "/proc/meminfo")).value_or("");
  const auto total = number_after(memory, "SwapTotal"), free = number_after(memory, "SwapFree");
  return total && free ? (*total - *free) * 1024 : -1;
}

}  // namespace oldiron
