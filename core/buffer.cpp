#include "core/buffer.hpp"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "core/check.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kSmallPage = 4096;

std::size_t round_up(std::size_t bytes, std::size_t step) { return (bytes + step - 1) / step * step; }

std::string wanted(std::size_t bytes) {
  return "cannot get " + bytes_text(static_cast<double>(bytes)) + " of memory";
}

std::string free_huge_pages() {
  std::ifstream file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
  std::string count;
  return file >> count ? count : "no";
}

void* map_huge(std::size_t bytes) {
  // MAP_POPULATE is left out on purpose: the rank that reads a page shall be the one that touches it first.
  constexpr int kHuge2MiB = 21 << MAP_HUGE_SHIFT;  // log2 of the page size
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | kHuge2MiB, -1, 0);
  if (memory != MAP_FAILED) return memory;
  const std::size_t pages = bytes / kHugePage;
  throw Error(wanted(bytes) + " in 2 MiB pages: " + std::to_string(pages) + " are needed and " +
              free_huge_pages() + " are free; run `sysctl vm.nr_hugepages=" + std::to_string(pages) +
              "` as root or use page_size=transparent");
}

}  // namespace

Buffer::Buffer(std::size_t bytes, PageSize page_size) : size_(bytes), page_size_(page_size) {
  if (bytes == 0) return;
  CHECK(bytes <= PTRDIFF_MAX / 2, "a size is no wrapped negative number");
  if (page_size == PageSize::huge) {
    mapped_ = round_up(bytes, kHugePage);
    mapping_ = map_huge(mapped_);
    data_ = static_cast<std::byte*>(mapping_);
    return;
  }
  // Guards on both sides that nobody may touch: they show an over-read, and they keep the kernel from joining
  // this range with a neighbour, which would spoil what smaps says about it.
  const std::size_t usable = round_up(bytes, page_size == PageSize::transparent ? kHugePage : kSmallPage);
  mapped_ = usable + 2 * kHugePage;
  mapping_ = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED)
    throw Error(wanted(bytes) + ": " + std::strerror(errno) + "; raise `ulimit -v`");
  const auto address = reinterpret_cast<std::uintptr_t>(mapping_);
  data_ = static_cast<std::byte*>(mapping_) + (round_up(address + kSmallPage, kHugePage) - address);
  if (mprotect(data_, usable, PROT_READ | PROT_WRITE) != 0) {
    const std::string reason = std::strerror(errno);
    munmap(mapping_, mapped_);
    throw Error(wanted(bytes) + ": " + reason + "; free memory or raise vm.overcommit_ratio");
  }
  // Advice may be refused (kernels without transparent huge pages); huge_page_bytes() tells what came of it.
  madvise(data_, usable, page_size == PageSize::transparent ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

Buffer::~Buffer() {
  if (mapping_ != nullptr) munmap(mapping_, mapped_);
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_(std::exchange(other.mapped_, 0)),
      page_size_(other.page_size_) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_, other.mapped_);
  std::swap(page_size_, other.page_size_);
  return *this;
}

void Buffer::touch(std::size_t begin, std::size_t end) {
  CHECK(begin <= end && end <= size_, "a part of the buffer");
  for (std::size_t at = begin / kSmallPage * kSmallPage; at < end; at += kSmallPage) {
    // Atomic, as the neighbour's part may begin in the same page.
    std::atomic_ref<std::byte> byte(data_[at]);
    byte.store(byte.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
}

void Buffer::collapse() {
  if (page_size_ != PageSize::transparent || size_ == 0) return;
  constexpr int kCollapse = 25;  // MADV_COLLAPSE, which the headers of Debian 12 lack
  madvise(data_, round_up(size_, kHugePage), kCollapse);
}

std::int64_t Buffer::huge_page_bytes() const {
  std::ifstream smaps("/proc/self/smaps");
  if (!smaps) return -1;
  const auto begin = reinterpret_cast<std::uintptr_t>(data_);
  std::int64_t bytes = 0;
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long low = 0, high = 0;
    long kilobytes = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &low, &high) == 2) {
      inside = low < begin + size_ && high > begin;
    } else if (inside && (std::sscanf(line.c_str(), "AnonHugePages: %ld kB", &kilobytes) == 1 ||
                          std::sscanf(line.c_str(), "Private_Hugetlb: %ld kB", &kilobytes) == 1)) {
      bytes += kilobytes * 1024;
    }
  }
  return bytes;
}

}  // namespace oldiron
