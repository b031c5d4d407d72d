// Packing plain GGUF rows into groups of sixteen interleaved rows, and back.
#include "kernels/layout.hpp"

#include <emmintrin.h>

#include <algorithm>
#include <cstring>

#include "core/check.hpp"
#include "kernels/formats/mxfp4.hpp"
#include "kernels/formats/q4_0.hpp"
#include "kernels/formats/q4_1.hpp"
#include "kernels/formats/q4_k.hpp"
#include "kernels/formats/q5_0.hpp"
#include "kernels/formats/q5_1.hpp"
#include "kernels/formats/q5_k.hpp"
#include "kernels/formats/q6_k.hpp"
#include "kernels/formats/q8_0.hpp"

namespace oldiron {

namespace {

using formats::BlockMXFP4;
using formats::BlockQ4_0;
using formats::BlockQ4_1;
using formats::BlockQ4_K;
using formats::BlockQ5_0;
using formats::BlockQ5_1;
using formats::BlockQ5_K;
using formats::BlockQ6_K;
using formats::BlockQ8_0;

/// A field of a block that lies apart in the group: per block `count` elements of `bytes`, as
/// [block][count][16 rows].
struct Plane {
  std::int64_t offset;  ///< in the block
  std::int64_t count;
  std::int64_t bytes;
  bool by_byte = false;  ///< 32 bits, sorted by the byte of its word that each completes: see sorted_by_byte
};

/// The planes of a type in the order in which they lie in a group.
struct Planes {
  std::int64_t block_bytes;
  std::int64_t size;
  Plane plane[4];
};

constexpr std::int64_t offset_of(std::size_t offset) { return static_cast<std::int64_t>(offset); }

constexpr Planes kWords4 = {4, 1, {{0, 1, 4}}};
constexpr Planes kWords2 = {2, 1, {{0, 1, 2}}};
constexpr Planes kQ4_0 = {sizeof(BlockQ4_0), 2, {{offset_of(offsetof(BlockQ4_0, qs)), 4, 4}, {0, 1, 2}}};
constexpr Planes kQ8_0 = {sizeof(BlockQ8_0), 2, {{offset_of(offsetof(BlockQ8_0, qs)), 8, 4}, {0, 1, 2}}};
constexpr Planes kQ5_0 = {sizeof(BlockQ5_0),
                          3,
                          {{offset_of(offsetof(BlockQ5_0, qs)), 4, 4},
                           {offset_of(offsetof(BlockQ5_0, qh)), 1, 4, true},
                           {0, 1, 2}}};
constexpr Planes kQ4_1 = {sizeof(BlockQ4_1), 2, {{offset_of(offsetof(BlockQ4_1, qs)), 4, 4}, {0, 2, 2}}};
constexpr Planes kQ5_1 = {sizeof(BlockQ5_1),
                          3,
                          {{offset_of(offsetof(BlockQ5_1, qs)), 4, 4},
                           {offset_of(offsetof(BlockQ5_1, qh)), 1, 4, true},
                           {0, 2, 2}}};
constexpr Planes kMXFP4 = {
    sizeof(BlockMXFP4), 2, {{offset_of(offsetof(BlockMXFP4, qs)), 4, 4}, {0, 1, 1}}};
constexpr Planes kQ4_K = {
    sizeof(BlockQ4_K),
    3,
    {{offset_of(offsetof(BlockQ4_K, qs)), 32, 4}, {offset_of(offsetof(BlockQ4_K, scales)), 3, 4}, {0, 2, 2}}};
constexpr Planes kQ5_K = {sizeof(BlockQ5_K),
                          4,
                          {{offset_of(offsetof(BlockQ5_K, qs)), 32, 4},
                           {offset_of(offsetof(BlockQ5_K, qh)), 8, 4},
                           {offset_of(offsetof(BlockQ5_K, scales)), 3, 4},
                           {0, 2, 2}}};
constexpr Planes kQ6_K = {sizeof(BlockQ6_K),
                          4,
                          {{offset_of(offsetof(BlockQ6_K, ql)), 32, 4},
                           {offset_of(offsetof(BlockQ6_K, qh)), 16, 4},
                           {offset_of(offsetof(BlockQ6_K, scales)), 16, 1},
                           {offset_of(offsetof(BlockQ6_K, d)), 1, 2}}};

const Planes* planes_of(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return &kWords4;
    case TensorType::f16:
    case TensorType::bf16:
      return &kWords2;
    case TensorType::q4_0:
      return &kQ4_0;
    case TensorType::q4_1:
      return &kQ4_1;
    case TensorType::q5_1:
      return &kQ5_1;
    case TensorType::mxfp4:
      return &kMXFP4;
    case TensorType::q8_0:
      return &kQ8_0;
    case TensorType::q4_k:
      return &kQ4_K;
    case TensorType::q5_0:
      return &kQ5_0;
    case TensorType::q5_k:
      return &kQ5_K;
    case TensorType::q6_k:
      return &kQ6_K;
    default:
      return nullptr;
  }
}

/// Exchanges two bits of every bit's place: what is at ..1..0.. (at `high`, `low`) moves to ..0..1.., and
/// back.
template <int high, int low>
std::uint32_t places_swapped(std::uint32_t bits) {
  constexpr std::uint32_t kLower = [] {
    std::uint32_t mask = 0;
    for (std::uint32_t at = 0; at < 32; ++at) {
      if ((at >> low & 1) == 1 && (at >> high & 1) == 0) mask |= 1U << at;
    }
    return mask;
  }();
  constexpr int kDistance = (1 << high) - (1 << low);
  const std::uint32_t changed = (bits >> kDistance ^ bits) & kLower;
  return bits ^ changed ^ changed << kDistance;
}

/// Bit 4 w + b, of the weight in byte b of word w, to bit 8 b + w: then one shift and one mask give the bits
/// of all four weights of a word, each in its byte.
std::uint32_t sorted_by_byte(std::uint32_t bits) {
  return places_swapped<1, 0>(places_swapped<2, 1>(places_swapped<3, 0>(places_swapped<4, 1>(bits))));
}

std::uint32_t sorted_by_weight(std::uint32_t bits) {
  return places_swapped<4, 1>(places_swapped<3, 0>(places_swapped<2, 1>(places_swapped<1, 0>(bits))));
}

template <class F>
void change_word(std::byte* word, F change) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, word, sizeof bits);
  bits = change(bits);
  std::memcpy(word, &bits, sizeof bits);
}

/// Four words of each of four rows, transposed: word w of row r goes to out + 64 w + 4 r.
void transpose_words(const std::byte* rows, std::int64_t row_bytes, std::byte* out) {
  const auto load = [&](std::int64_t r) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + r * row_bytes));
  };
  const auto store = [&](std::int64_t w, __m128i words) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 64 * w), words);
  };
  const __m128i row0 = load(0), row1 = load(1), row2 = load(2), row3 = load(3);
  const __m128i low01 = _mm_unpacklo_epi32(row0, row1), high01 = _mm_unpackhi_epi32(row0, row1);
  const __m128i low23 = _mm_unpacklo_epi32(row2, row3), high23 = _mm_unpackhi_epi32(row2, row3);
  store(0, _mm_unpacklo_epi64(low01, low23));
  store(1, _mm_unpackhi_epi64(low01, low23));
  store(2, _mm_unpacklo_epi64(high01, high23));
  store(3, _mm_unpackhi_epi64(high01, high23));
}

/// `words` consecutive words of 16 rows to [words][16][4 B]. Four rows at a time, a cache line of each: with
/// rows of 4096 bytes all sixteen would fall into one set of the cache.
void pack_words(const std::byte* rows, std::int64_t row_bytes, std::int64_t words, std::byte* out) {
  const std::int64_t whole = words / 4 * 4;
  for (std::int64_t line = 0; line < whole; line += 16) {
    for (std::int64_t r = 0; r < kGroupRows; r += 4) {
      for (std::int64_t w = line; w < std::min(whole, line + 16); w += 4) {
        transpose_words(rows + r * row_bytes + 4 * w, row_bytes, out + 64 * w + 4 * r);
      }
    }
  }
  for (std::int64_t w = whole; w < words; ++w) {
    for (std::int64_t r = 0; r < kGroupRows; ++r)
      std::memcpy(out + 64 * w + 4 * r, rows + r * row_bytes + 4 * w, 4);
  }
}

/// `count` consecutive elements of 16 rows to [count][16].
template <std::size_t bytes>
void pack_elements(const std::byte* rows, std::int64_t row_bytes, std::int64_t count, std::byte* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t r = 0; r < kGroupRows; ++r, out += bytes) {
      std::memcpy(out, rows + r * row_bytes + i * std::int64_t{bytes}, bytes);
    }
  }
}

void pack_plane(const Plane& plane, const std::byte* rows, std::int64_t row_bytes, std::byte* out) {
  switch (plane.bytes) {
    case 4:
      pack_words(rows, row_bytes, plane.count, out);
      if (plane.by_byte) {
        for (std::int64_t r = 0; r < kGroupRows; ++r) change_word(out + 4 * r, sorted_by_byte);
      }
      return;
    case 2:
      return pack_elements<2>(rows, row_bytes, plane.count, out);
    default:
      return pack_elements<1>(rows, row_bytes, plane.count, out);
  }
}

const Planes& checked_planes(TensorType type) {
  const Planes* planes = planes_of(type);
  CHECK(planes != nullptr, "only types whose layout is r16 can be packed");
  return *planes;
}

}  // namespace

Layout layout_of(TensorType type) { return planes_of(type) != nullptr ? Layout::r16 : Layout::rows; }

std::int64_t packed_bytes(TensorType type, Layout layout, std::int64_t rows, std::int64_t k) {
  const std::int64_t padded =
      layout == Layout::r16 ? (rows + kGroupRows - 1) / kGroupRows * kGroupRows : rows;
  return padded * row_bytes(type, k);
}

void pack_group(TensorType type, const std::byte* rows, std::int64_t k, std::byte* group) {
  const Planes& planes = checked_planes(type);
  const std::int64_t stride = row_bytes(type, k);
  const std::int64_t blocks = stride / planes.block_bytes;
  if (planes.size == 1) {  // no blocks: the whole row is one run of elements
    return pack_plane({0, blocks, planes.block_bytes}, rows, stride, group);
  }
  for (std::int64_t p = 0; p < planes.size; ++p) {
    const Plane& plane = planes.plane[p];
    const std::int64_t plane_block = plane.count * plane.bytes * kGroupRows;
    for (std::int64_t b = 0; b < blocks; ++b, group += plane_block) {
      pack_plane(plane, rows + b * planes.block_bytes + plane.offset, stride, group);
    }
  }
}

void unpack_row(TensorType type, const std::byte* group, std::int64_t k, int row, std::byte* out) {
  const Planes& planes = checked_planes(type);
  CHECK(row >= 0 && row < kGroupRows, "a group has sixteen rows");
  const std::int64_t blocks = row_bytes(type, k) / planes.block_bytes;
  for (std::int64_t p = 0; p < planes.size; ++p) {
    const Plane& plane = planes.plane[p];
    for (std::int64_t b = 0; b < blocks; ++b) {
      std::byte* to = out + b * planes.block_bytes + plane.offset;
      for (std::int64_t i = 0; i < plane.count; ++i, group += kGroupRows * plane.bytes) {
        std::memcpy(to + i * plane.bytes, group + row * plane.bytes, static_cast<std::size_t>(plane.bytes));
      }
      if (plane.by_byte) change_word(to, sorted_by_weight);
    }
  }
}

}  // namespace oldiron
