// Reading memory as fast as an ISA can, the denominator of every decode; and what stores cost beside it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron {

/// Reads `bytes` bytes (a multiple of 512) and returns a checksum, so that no load can be dropped. Software prefetch
/// runs `prefetch_bytes` ahead, also past the end; 0: there is none.
using StreamReadFn = std::uint64_t (*)(const std::byte* data, std::size_t bytes, std::size_t prefetch_bytes);

/// What a loop over arrays does with each element; the last three store past the caches.
enum class StreamMove : std::uint8_t { write, copy, triad, write_past, copy_past, triad_past };

/// to = 1, to = a, or to = a + 3 b, for `n` floats (a multiple of 128); all arrays are aligned to 64 bytes and do not
/// overlap. Stores past the caches are in memory when it returns.
using StreamMoveFn = void (*)(StreamMove move, float* to, const float* a, const float* b, std::size_t n);

/// Best or near it on the machines that were looked at; the bandwidth probe tries others.
inline constexpr std::size_t kStreamPrefetchBytes = 6144;

}  // namespace oldiron
