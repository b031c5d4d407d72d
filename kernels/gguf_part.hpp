// One file of GGUF, which may be a whole model or a part of a split one.
#pragma once

#include <string>

#include "kernels/gguf.hpp"

namespace oldiron {

/// The checked header of this file alone. Throws Error.
GgufHeader read_gguf_part(const std::string& path);

}  // namespace oldiron
