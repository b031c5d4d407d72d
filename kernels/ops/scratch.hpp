// Memory of its own for every thread, in which products lay their operands out anew.
#pragma once

#include <cstddef>

namespace oldiron {

/// At least `bytes` bytes, 64-byte aligned, of the calling thread; what they hold is undefined, and the next
/// call of the same thread may hand out the same bytes. Kept until the thread ends.
std::byte* scratch(std::size_t bytes);

}  // namespace oldiron
