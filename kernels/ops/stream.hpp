// Reading memory as fast as an ISA can: the denominator of every decode.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron {

/// Reads `bytes` bytes (a multiple of 512) and returns a checksum, so that no load can be dropped. Software prefetch
/// runs `prefetch_bytes` ahead, also past the end; 0: there is none.
using StreamReadFn = std::uint64_t (*)(const std::byte* data, std::size_t bytes, std::size_t prefetch_bytes);

/// Best or near it on the machines that were looked at; the bandwidth probe tries others.
inline constexpr std::size_t kStreamPrefetchBytes = 6144;

}  // namespace oldiron
