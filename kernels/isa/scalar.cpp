// The kernels for any x86-64 CPU: the vocabulary on four lanes, with no more than SSE2.
#include <emmintrin.h>

#include "kernels/formats/format.hpp"
#include "kernels/isa/region.hpp"

namespace oldiron::scalar {
namespace {

constexpr Isa kIsa = Isa::scalar;
constexpr int kLanes = 4;
constexpr int kSigned = -1;
constexpr int kSignedOffset = 0;
constexpr int kWordsAtOnce = 8;
constexpr int kTileColumns = 2;
constexpr int kPanelVectors = 1;
constexpr int kPanelTile = 2;
constexpr int kPanelTileOf2 = 1;
constexpr bool kPanelHoldsFloats = true;
constexpr int kRowColumns = 2;
constexpr int kFloatColumns = 2;

struct F32 {
  __m128 v;
};

struct I32 {
  __m128i v;
};

struct I8 {
  __m128i v;
};

WORD __m128i load_bytes(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

WORD void store_bytes(void* p, __m128i x) { _mm_storeu_si128(static_cast<__m128i*>(p), x); }

// Bits of `yes` where `mask` is set, else of `no`.
WORD __m128i choose(__m128i mask, __m128i yes, __m128i no) {
  return _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no));
}

WORD F32 all(float x) { return {_mm_set1_ps(x)}; }

WORD F32 load(const float* p) { return {_mm_loadu_ps(p)}; }

WORD void store(float* p, F32 x) { _mm_storeu_ps(p, x.v); }

WORD void store_past(float* p, F32 x) { _mm_stream_ps(p, x.v); }

// Exact with denormals flushed, too: a small half is made as a difference of normal floats.
WORD F32 load_f16(const std::uint16_t* p) {
  const __m128i half =
      _mm_unpacklo_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)), _mm_setzero_si128());
  const __m128i sign = _mm_slli_epi32(_mm_and_si128(half, _mm_set1_epi32(0x8000)), 16);
  const __m128i size = _mm_slli_epi32(_mm_and_si128(half, _mm_set1_epi32(0x7fff)), 13);
  const __m128i rebias = _mm_add_epi32(size, _mm_set1_epi32(112 << 23));
  const __m128i infinite = _mm_cmpgt_epi32(size, _mm_set1_epi32((0x7c00 << 13) - 1));
  const __m128i normal = _mm_add_epi32(rebias, _mm_and_si128(infinite, _mm_set1_epi32(112 << 23)));
  const __m128 small =
      _mm_sub_ps(_mm_castsi128_ps(_mm_add_epi32(rebias, _mm_set1_epi32(1 << 23))), _mm_set1_ps(0x1p-14F));
  const __m128i is_small = _mm_cmplt_epi32(size, _mm_set1_epi32(0x400 << 13));
  return {_mm_castsi128_ps(_mm_or_si128(choose(is_small, _mm_castps_si128(small), normal), sign))};
}

WORD F32 load_bf16(const std::uint16_t* p) {
  const __m128i half = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return {_mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), half))};
}

WORD void store_f16(std::uint16_t* p, F32 x) {
  float lanes[kLanes];
  store(lanes, x);
  for (int i = 0; i < kLanes; ++i) p[i] = float_to_half(lanes[i]);
}

WORD void store_bf16(std::uint16_t* p, F32 x) {
  float lanes[kLanes];
  store(lanes, x);
  for (int i = 0; i < kLanes; ++i) p[i] = float_to_bf16(lanes[i]);
}

WORD F32 all_f16(const std::uint16_t* p) {
  const std::uint16_t copies[kLanes] = {*p, *p, *p, *p};
  return load_f16(copies);
}

WORD F32 operator+(F32 a, F32 b) { return {_mm_add_ps(a.v, b.v)}; }

WORD F32 operator-(F32 a, F32 b) { return {_mm_sub_ps(a.v, b.v)}; }

WORD F32 operator*(F32 a, F32 b) { return {_mm_mul_ps(a.v, b.v)}; }

WORD F32 operator/(F32 a, F32 b) { return {_mm_div_ps(a.v, b.v)}; }

WORD F32 fmadd(F32 a, F32 b, F32 c) { return a * b + c; }

WORD F32 largest(F32 a, F32 b) { return {_mm_max_ps(a.v, b.v)}; }

WORD F32 smallest(F32 a, F32 b) { return {_mm_min_ps(a.v, b.v)}; }

WORD F32 where_less(F32 a, F32 b, F32 yes, F32 no) {
  const __m128i mask = _mm_castps_si128(_mm_cmplt_ps(a.v, b.v));
  return {_mm_castsi128_ps(choose(mask, _mm_castps_si128(yes.v), _mm_castps_si128(no.v)))};
}

WORD F32 magnitude(F32 x) { return {_mm_andnot_ps(_mm_set1_ps(-0.0F), x.v)}; }

WORD F32 with_sign_of(F32 x, F32 sign) { return {_mm_or_ps(x.v, _mm_and_ps(_mm_set1_ps(-0.0F), sign.v))}; }

WORD float sum(F32 x) {
  const __m128 two = _mm_add_ps(x.v, _mm_movehl_ps(x.v, x.v));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

// Pairs of vectors are folded together, in the order in which sum() folds one.
WORD __m128 fold_pairs(F32 a, F32 b) {
  return _mm_add_ps(_mm_movelh_ps(a.v, b.v), _mm_movehl_ps(b.v, a.v));
}

WORD F32 sum_each(const F32* x) {
  const __m128 low = fold_pairs(x[0], x[1]);
  const __m128 high = fold_pairs(x[2], x[3]);
  return {_mm_add_ps(_mm_shuffle_ps(low, high, 0x88), _mm_shuffle_ps(low, high, 0xdd))};
}

WORD float largest(F32 x) {
  const __m128 two = _mm_max_ps(x.v, _mm_movehl_ps(x.v, x.v));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

WORD I32 all(std::int32_t x) { return {_mm_set1_epi32(x)}; }

WORD I32 load_int8(const std::int8_t* p) {
  std::int32_t four = 0;
  std::memcpy(&four, p, sizeof four);
  const __m128i twice = _mm_unpacklo_epi8(_mm_cvtsi32_si128(four), _mm_cvtsi32_si128(four));
  return {_mm_srai_epi32(_mm_unpacklo_epi16(twice, twice), 24)};
}

WORD I32 low_nibbles(const std::byte* p) {
  const I32 wide = load_int8(reinterpret_cast<const std::int8_t*>(p));
  return {_mm_and_si128(wide.v, _mm_set1_epi32(15))};
}

WORD I32 high_nibbles(const std::byte* p) {
  const I32 wide = load_int8(reinterpret_cast<const std::int8_t*>(p));
  return {_mm_and_si128(_mm_srli_epi32(wide.v, 4), _mm_set1_epi32(15))};
}

// Needs: lanes in -128..127, else they saturate.
WORD void store_int8(std::int8_t* p, I32 x) {
  const __m128i words = _mm_packs_epi32(x.v, x.v);
  const std::int32_t four = _mm_cvtsi128_si32(_mm_packs_epi16(words, words));
  std::memcpy(p, &four, sizeof four);
}

WORD I32 operator+(I32 a, I32 b) { return {_mm_add_epi32(a.v, b.v)}; }

WORD I32 operator-(I32 a, I32 b) { return {_mm_sub_epi32(a.v, b.v)}; }

WORD I32 largest(I32 a, I32 b) { return {choose(_mm_cmpgt_epi32(a.v, b.v), a.v, b.v)}; }

WORD std::int32_t sum(I32 x) {
  const __m128i two = _mm_add_epi32(x.v, _mm_shuffle_epi32(x.v, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

WORD std::int32_t largest(I32 x) {
  const I32 two = largest(x, I32{_mm_shuffle_epi32(x.v, 0x4e)});
  return _mm_cvtsi128_si32(largest(two, I32{_mm_shuffle_epi32(two.v, 0xb1)}).v);
}

WORD F32 to_float(I32 x) { return {_mm_cvtepi32_ps(x.v)}; }

WORD I32 nearest(F32 x) { return {_mm_cvtps_epi32(x.v)}; }

WORD I32 magnitude_bits(F32 x) { return {_mm_and_si128(_mm_castps_si128(x.v), _mm_set1_epi32(0x7fffffff))}; }

WORD F32 power_of_two(I32 n) {
  return {_mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(n.v, _mm_set1_epi32(127)), 23))};
}

WORD I8 load_words(const std::byte* p) { return {load_bytes(p)}; }

WORD I8 operator&(I8 w, int mask) { return {_mm_and_si128(w.v, _mm_set1_epi8(static_cast<char>(mask)))}; }

WORD I8 operator|(I8 a, I8 b) { return {_mm_or_si128(a.v, b.v)}; }

WORD I8 looked_up(I8 w, const std::uint8_t* table) {
  std::uint8_t bytes[4 * kLanes];
  store_bytes(bytes, w.v);
  for (std::uint8_t& byte : bytes) byte = table[byte];
  return {load_bytes(bytes)};
}

template <int kBits>
WORD I8 shift_left(I8 w) {
  return {_mm_slli_epi32(w.v, kBits)};
}

template <int kBits>
WORD I8 shift_right(I8 w) {
  return {_mm_srli_epi32(w.v, kBits)};
}

WORD I8 as_operand(I8 w) { return w; }

// Two 16-bit copies of the activations for pmaddwd, which sums pairs exactly: bytes 0 and 2 of the weights,
// then 1 and 3.
template <int kMax, int kWords>
WORD I32 dot4(I32 i, const I8* w, const std::int8_t* x) {
  const __m128i low_byte = _mm_set1_epi16(0xff);
#pragma GCC unroll 1
  for (int word = 0; word < kWords; ++word, x += 4) {
    const auto pair = [](int a, int b) {
      return _mm_set1_epi32(static_cast<std::int32_t>((static_cast<std::uint32_t>(b) << 16) |
                                                      (static_cast<std::uint32_t>(a) & 0xffffU)));
    };
    const __m128i even = kMax == kSigned ? _mm_srai_epi16(_mm_slli_epi16(w[word].v, 8), 8)
                                         : _mm_and_si128(w[word].v, low_byte);
    const __m128i odd = kMax == kSigned ? _mm_srai_epi16(w[word].v, 8) : _mm_srli_epi16(w[word].v, 8);
    i.v = _mm_add_epi32(
        i.v, _mm_add_epi32(_mm_madd_epi16(even, pair(x[0], x[2])), _mm_madd_epi16(odd, pair(x[1], x[3]))));
  }
  return i;
}

// Sums of words' products: on top of an integer from the start.
template <class Unpack>
struct Sums {
  static constexpr int kWords = 8;  // that may be added before onto()
  I32 i;

  WORD static Sums from(I32 start) { return {start}; }

  WORD void add(I8 w, const std::int8_t* x) { i = dot4<Unpack::kMax, 1>(i, &w, x); }

  WORD I32 onto(I32) const { return i; }
};

WORD I8 all_bytes(int x) { return {_mm_set1_epi8(static_cast<char>(x))}; }

WORD I8 load_rows(const std::byte* p, std::int64_t) { return {load_bytes(p)}; }

template <int kVector>
WORD I8 load_nibbles(const std::byte* p, std::int64_t) {
  return I8{kVector == 0 ? load_bytes(p) : _mm_srli_epi32(load_bytes(p), 4)} & 0x0f;
}

WORD I8 all_rows(const std::int8_t* x) { return {load_bytes(x)}; }

WORD F32 load_rows(const float* p, std::int64_t) { return load(p); }

WORD F32 all_rows(const float* p) { return load(p); }

WORD F32 spread(const float* p, std::int64_t) { return all(*p); }

template <int kVector>
WORD F32 spread_pairs(const float* p, std::int64_t) {
  return all(p[kVector]);
}

WORD F32 spread_f16(const std::byte* p, std::int64_t) {
  std::uint16_t half = 0;
  std::memcpy(&half, p, sizeof half);
  return all(half_to_float(half));
}

WORD void row_sums(F32 x, float* out) { *out = sum(x); }

template <int kMax>
WORD I32 dot(I32 i, I8 w, I8 x) {
  const auto low = [](__m128i bytes) { return _mm_srai_epi16(_mm_slli_epi16(bytes, 8), 8); };
  const auto high = [](__m128i bytes) { return _mm_srai_epi16(bytes, 8); };
  const __m128i even = _mm_madd_epi16(low(w.v), low(x.v)), odd = _mm_madd_epi16(high(w.v), high(x.v));
  return {_mm_add_epi32(i.v, _mm_add_epi32(even, odd))};
}

template <int kByte>
WORD I32 byte_of(I8 w) {
  return {_mm_and_si128(_mm_srli_epi32(w.v, 8 * kByte), _mm_set1_epi32(255))};
}

template <int kByte>
WORD I32 signed_byte_of(I8 w) {
  return {_mm_srai_epi32(_mm_slli_epi32(w.v, 24 - 8 * kByte), 24)};
}

WORD void add_stream(std::uint64_t* sums, const std::byte* p) {
  __m128i s[4] = {load_bytes(sums), load_bytes(sums + 2), load_bytes(sums + 4), load_bytes(sums + 6)};
#pragma GCC unroll 8
  for (int i = 0; i < 32; ++i) s[i % 4] = _mm_add_epi64(s[i % 4], load_bytes(p + 16 * i));
  for (int i = 0; i < 4; ++i) store_bytes(sums + 2 * i, s[i]);
}

#include "kernels/isa/table.inl"

}  // namespace

std::span<const Kernel> table() { return kTable; }

}  // namespace oldiron::scalar
