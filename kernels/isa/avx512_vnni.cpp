// The kernels for AVX-512 with VNNI: Cascade Lake, Ice Lake, Zen 4 and later.
#if !defined(__clang__)
// GCC 12's own AVX-512 header initialises a register with itself to leave it undefined, and warns wherever
// that is inlined.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include "kernels/isa/region.hpp"

ISA_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")

namespace oldiron::avx512_vnni {
namespace {

constexpr Isa kIsa = Isa::avx512_vnni;
constexpr int kWordsAtOnce = 1;  // then the next column: a chain of vpdpbusd waits 4 to 5 cycles per word
constexpr int kTileColumns = 8;
constexpr int kPanelVectors =
    2;  // each broadcast serves two vpdpbusd: one a cycle would be all that loads allow
constexpr int kPanelTile = 6;  // 12 integer and 12 float accumulators
constexpr int kPanelTileOf2 = 4;
constexpr bool kPanelHoldsFloats = true;
constexpr int kRowColumns = 4;
constexpr int kFloatColumns = 8;

// In order of use.
// clang-format off
#include "kernels/isa/avx512_words.inl"
#include "kernels/isa/table.inl"
// clang-format on

}  // namespace
}  // namespace oldiron::avx512_vnni

ISA_END

namespace oldiron::avx512_vnni {

std::span<const Kernel> table() { return kTable; }

}  // namespace oldiron::avx512_vnni
