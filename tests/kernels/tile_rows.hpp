// The rows of AMX on emulated tile registers.
#pragma once

#include <span>

#include "kernels/registry.hpp"

namespace oldiron {

/// Run where avx512_bf16 runs; their bodies are those of kernels/isa/amx.cpp.
std::span<const Kernel> emulated_tile_rows();

}  // namespace oldiron
