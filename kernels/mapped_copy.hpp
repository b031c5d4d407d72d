// Copying out of a mapped file whose pages may be gone.
#pragma once

#include <cstddef>

namespace oldiron {

/// Copies bytes of a file mapping; false, with part of `out` written, if the file was cut or its disk failed meanwhile,
/// which would otherwise end the process by SIGBUS. Thread-safe. Takes over SIGBUS at the first call; of faults outside
/// of a copy whoever had it before is told.
bool copy_mapped(std::byte* out, const std::byte* mapped, std::size_t bytes);

}  // namespace oldiron
