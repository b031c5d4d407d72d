// ISA_BEGIN("features") … ISA_END: code between them may use those features; everything else of the program
// stays baseline.
#pragma once

// What the shared bodies need of the standard library and of us, before any region opens.
#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "core/check.hpp"
#include "core/range.hpp"
#include "kernels/registry.hpp"

#define OLDIRON_PRAGMA(text) _Pragma(#text)

// Headers are included before a region opens, so that what they define inline is compiled for the base CPU:
// an inline function shared with the rest of the program would otherwise be exported with AVX code, and the
// linker might pick that copy.
#if defined(__clang__)
#define ISA_BEGIN(features) \
  OLDIRON_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define ISA_END OLDIRON_PRAGMA(clang attribute pop)
#else
#define ISA_BEGIN(features) OLDIRON_PRAGMA(GCC push_options) OLDIRON_PRAGMA(GCC target(features))
#define ISA_END OLDIRON_PRAGMA(GCC pop_options)
#endif

// A word of the vocabulary: must vanish into the body that uses it.
#define WORD [[gnu::always_inline]] inline

namespace oldiron {

// How far software prefetch runs ahead. A core that reads 40 GB/s (Zen 5) needs 4 KB under way at 100 ns;
// 4096 gave 34, 6144 to 8192 36 to 37, 16384 33 of stream_read's 41 GB/s there (q4_0, n = 1).
inline constexpr int kPrefetchBytes = 6144;

}  // namespace oldiron
