// Buffers for kernel tests: poison around the data, so that a write outside shows, and a page that cannot be
// read behind it.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include "core/check.hpp"

namespace oldiron {

/// `count` elements, 64-byte aligned at their beginning. What lies around them is poison (NaN as floats),
/// checked by untouched(); fenced buffers end right before an unreadable page, if their size is a multiple of
/// the alignment asked for.
template <class T>
class Poisoned {
 public:
  explicit Poisoned(std::size_t count) : count_(count) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t data = (count * sizeof(T) + 63) / 64 * 64;
    mapped_ = (data + kMargin + page - 1) / page * page + page;
    void* memory = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED, "a test needs memory");
    base_ = static_cast<std::byte*>(memory);
    CHECK(mprotect(base_ + mapped_ - page, page, PROT_NONE) == 0, "a test needs a fence");
    usable_ = mapped_ - page;
    data_ = base_ + (usable_ - data);
    std::memset(base_, 0xff, usable_);
  }

  ~Poisoned() { munmap(base_, mapped_); }

  Poisoned(const Poisoned&) = delete;
  Poisoned& operator=(const Poisoned&) = delete;

  T* data() { return reinterpret_cast<T*>(data_); }

  std::span<T> span() { return {data(), count_}; }

  T& operator[](std::size_t i) { return data()[i]; }

  std::size_t size() const { return count_; }

  /// Nothing outside the data was written.
  bool untouched() const {
    for (const std::byte* p = base_; p < base_ + usable_; ++p) {
      if (p >= data_ && p < data_ + count_ * sizeof(T)) continue;
      if (*p != std::byte{0xff}) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kMargin = 4096;
  std::size_t count_, mapped_ = 0, usable_ = 0;
  std::byte* base_ = nullptr;
  std::byte* data_ = nullptr;
};

}  // namespace oldiron
