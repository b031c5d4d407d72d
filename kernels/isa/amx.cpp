// The kernels that AMX adds: Sapphire Rapids and later. Only products of many columns gain by it; everything
// else comes from the ISAs below.
#if !defined(__clang__)
// GCC 12's own AVX-512 header initialises a register with itself to leave it undefined, and warns wherever
// that is inlined.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include "kernels/isa/region.hpp"
#include "kernels/ops/scratch.hpp"
#include "kernels/ops/tile_registers.hpp"

ISA_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,amx-tile,amx-int8,amx-bf16")

namespace oldiron::amx {
namespace {

// clang-format off
#include "kernels/isa/avx512_words.inl"
#include "kernels/isa/bf16_words.inl"
#include "kernels/isa/tile_words.inl"
#include "kernels/isa/amx_table.inl"
// clang-format on

}  // namespace
}  // namespace oldiron::amx

ISA_END

namespace oldiron::amx {

std::span<const Kernel> table() { return kTable; }

}  // namespace oldiron::amx
