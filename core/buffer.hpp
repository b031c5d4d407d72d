// Buffer: aligned memory with a page policy, left untouched until its user touches it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/config.hpp"

namespace oldiron {

/// Anonymous memory, aligned to 2 MiB, zero until written; reads past its last page fault. Throws Error if
/// the system refuses it (huge: says how many 2 MiB pages are set aside and how to set more).
class Buffer {
 public:
  Buffer() = default;
  Buffer(std::size_t bytes, PageSize page_size);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  std::byte* data() { return data_; }

  const std::byte* data() const { return data_; }

  std::size_t size() const { return size_; }

  /// Touches every page of [begin, end), by the thread that shall have them near; the content stays.
  void touch(std::size_t begin, std::size_t end);

  /// Once it is filled: asks again for huge pages where a transparent buffer did not get them at the first
  /// touch, because memory was in pieces or the system does not offer them by itself. Copies those parts.
  /// Linux 6.1 and later; else, and without page_size=transparent, nothing happens.
  void collapse();

  /// Bytes of it that lie in huge pages now, from /proc/self/smaps; -1 if that cannot be read.
  std::int64_t huge_page_bytes() const;

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  void* mapping_ = nullptr;  ///< all that was mapped, with what alignment took and the guards
  std::size_t mapped_ = 0;
  PageSize page_size_ = PageSize::small;
};

}  // namespace oldiron
