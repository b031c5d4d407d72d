// The kernels for AVX2 with FMA and F16C: Haswell, Broadwell, Skylake, Zen 1 to 3.
#include <immintrin.h>

#include "kernels/isa/region.hpp"

ISA_BEGIN("avx2,fma,f16c")

namespace oldiron::avx2 {
namespace {

constexpr Isa kIsa = Isa::avx2;

// In order of use.
// clang-format off
#include "kernels/isa/avx2_words.inl"
#include "kernels/isa/table.inl"
// clang-format on

}  // namespace
}  // namespace oldiron::avx2

ISA_END

namespace oldiron::avx2 {

std::span<const Kernel> table() { return kTable; }

}  // namespace oldiron::avx2
