// Reading memory as fast as an ISA can: the denominator of every decode.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oldiron {

/// Reads `bytes` bytes (a multiple of 512) and returns a checksum, so that no load can be dropped.
using StreamReadFn = std::uint64_t (*)(const std::byte* data, std::size_t bytes);

}  // namespace oldiron
