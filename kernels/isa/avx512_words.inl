// Included into the regions of the ISAs that have AVX-512 with VNNI: their words of the vocabulary.
constexpr int kLanes = 16;
constexpr int kSigned = -1;
constexpr int kSignedOffset = 128;  // vpdpbusd multiplies unsigned by signed

struct F32 {
  __m512 v;
};

struct I32 {
  __m512i v;
};

struct I8 {
  __m512i v;
};

WORD F32 all(float x) { return {_mm512_set1_ps(x)}; }

WORD F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }

WORD void store(float* p, F32 x) { _mm512_storeu_ps(p, x.v); }

WORD void store_past(float* p, F32 x) { _mm512_stream_ps(p, x.v); }

WORD F32 load_f16(const std::uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}

WORD F32 load_bf16(const std::uint16_t* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}

WORD void store_f16(std::uint16_t* p, F32 x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT));
}

WORD void store_bf16(std::uint16_t* p, F32 x) {
  const __m512i bits = _mm512_castps_si512(x.v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  const __m512i result = _mm512_mask_mov_epi32(rounded, _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q), quiet);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_srli_epi32(result, 16)));
}

WORD F32 all_f16(const std::uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_set1_epi16(static_cast<short>(*p)))};
}

WORD F32 operator+(F32 a, F32 b) { return {_mm512_add_ps(a.v, b.v)}; }

WORD F32 operator-(F32 a, F32 b) { return {_mm512_sub_ps(a.v, b.v)}; }

WORD F32 operator*(F32 a, F32 b) { return {_mm512_mul_ps(a.v, b.v)}; }

WORD F32 operator/(F32 a, F32 b) { return {_mm512_div_ps(a.v, b.v)}; }

WORD F32 fmadd(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }

WORD F32 largest(F32 a, F32 b) { return {_mm512_max_ps(a.v, b.v)}; }

WORD F32 smallest(F32 a, F32 b) { return {_mm512_min_ps(a.v, b.v)}; }

WORD F32 where_less(F32 a, F32 b, F32 yes, F32 no) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), no.v, yes.v)};
}

WORD F32 magnitude(F32 x) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0F), x.v)}; }

WORD F32 with_sign_of(F32 x, F32 sign) {
  return {_mm512_or_ps(x.v, _mm512_and_ps(_mm512_set1_ps(-0.0F), sign.v))};
}

WORD float sum(F32 x) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x.v), _mm512_extractf32x8_ps(x.v, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// Pairs of vectors are folded together, in the order in which sum() folds one.
WORD __m512 fold_halves(F32 a, F32 b) {
  return _mm512_add_ps(_mm512_shuffle_f32x4(a.v, b.v, 0x44), _mm512_shuffle_f32x4(a.v, b.v, 0xee));
}

WORD __m512 fold_quarters(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
}

WORD __m512 fold_pairs(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))),
                       _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))));
}

WORD F32 sum_each(const F32* x) {
  __m512 fours[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) fours[i] = fold_quarters(fold_halves(x[i], x[4 + i]), fold_halves(x[8 + i], x[12 + i]));
  const __m512 low = fold_pairs(fours[0], fours[1]);
  const __m512 high = fold_pairs(fours[2], fours[3]);
  return {_mm512_add_ps(_mm512_shuffle_ps(low, high, 0x88), _mm512_shuffle_ps(low, high, 0xdd))};
}

WORD float largest(F32 x) { return _mm512_reduce_max_ps(x.v); }

WORD I32 all(std::int32_t x) { return {_mm512_set1_epi32(x)}; }

WORD I32 load_int8(const std::int8_t* p) {
  return {_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}

WORD I32 low_nibbles(const std::byte* p) {
  const __m512i wide = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return {_mm512_and_si512(wide, _mm512_set1_epi32(15))};
}

WORD I32 high_nibbles(const std::byte* p) {
  return {_mm512_srli_epi32(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), 4)};
}

WORD void store_int8(std::int8_t* p, I32 x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x.v));
}

WORD I32 operator+(I32 a, I32 b) { return {_mm512_add_epi32(a.v, b.v)}; }

WORD I32 operator-(I32 a, I32 b) { return {_mm512_sub_epi32(a.v, b.v)}; }

WORD I32 largest(I32 a, I32 b) { return {_mm512_max_epi32(a.v, b.v)}; }

WORD std::int32_t sum(I32 x) { return _mm512_reduce_add_epi32(x.v); }

WORD std::int32_t largest(I32 x) { return _mm512_reduce_max_epi32(x.v); }

WORD F32 to_float(I32 x) { return {_mm512_cvtepi32_ps(x.v)}; }

WORD I32 nearest(F32 x) { return {_mm512_cvtps_epi32(x.v)}; }

WORD I32 magnitude_bits(F32 x) {
  return {_mm512_and_si512(_mm512_castps_si512(x.v), _mm512_set1_epi32(0x7fffffff))};
}

WORD F32 power_of_two(I32 n) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n.v, _mm512_set1_epi32(127)), 23))};
}

WORD I8 load_words(const std::byte* p) { return {_mm512_loadu_si512(p)}; }

WORD I8 operator&(I8 w, int mask) {
  return {_mm512_and_si512(w.v, _mm512_set1_epi8(static_cast<char>(mask)))};
}

WORD I8 operator|(I8 a, I8 b) { return {_mm512_or_si512(a.v, b.v)}; }

WORD I8 looked_up(I8 w, const std::uint8_t* table) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return {_mm512_shuffle_epi8(_mm512_broadcast_i32x4(bytes), w.v)};
}

template <int kBits>
WORD I8 shift_left(I8 w) {
  return {_mm512_slli_epi32(w.v, kBits)};
}

template <int kBits>
WORD I8 shift_right(I8 w) {
  return {_mm512_srli_epi32(w.v, kBits)};
}

WORD I8 as_operand(I8 w) { return {_mm512_xor_si512(w.v, _mm512_set1_epi8(static_cast<char>(0x80)))}; }

WORD __m512i broadcast4(const std::int8_t* x) {
  std::int32_t four = 0;
  std::memcpy(&four, x, sizeof four);
  return _mm512_set1_epi32(four);
}

template <int kMax, int kWords>
WORD I32 dot4(I32 i, const I8* w, const std::int8_t* x) {
#pragma GCC unroll 8
  for (int word = 0; word < kWords; ++word)
    i.v = _mm512_dpbusd_epi32(i.v, w[word].v, broadcast4(x + 4 * word));
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

WORD I8 all_bytes(int x) { return {_mm512_set1_epi8(static_cast<char>(x))}; }

WORD __m512i two_rows(__m256i first, __m256i second) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
}

WORD I8 load_rows(const std::byte* p, std::int64_t stride) {
  return {two_rows(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
                   _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + stride)))};
}

WORD __m256i twice(const std::byte* p) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

template <int kVector>
WORD I8 load_nibbles(const std::byte* p, std::int64_t stride) {
  const __m512i shifts = _mm512_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4, 0, 0, 0, 0, 4, 4, 4, 4);
  return I8{_mm512_srlv_epi32(two_rows(twice(p), twice(p + stride)), shifts)} & 0x0f;
}

WORD I8 all_rows(const std::int8_t* x) {
  return {_mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)))};
}

WORD F32 load_rows(const float* p, std::int64_t stride) {
  return {_mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(p)), _mm256_loadu_ps(p + stride), 1)};
}

WORD F32 all_rows(const float* p) { return {_mm512_broadcast_f32x8(_mm256_loadu_ps(p))}; }

WORD F32 spread(const float* p, std::int64_t stride) {
  return {_mm512_mask_broadcastss_ps(_mm512_set1_ps(*p), 0xff00, _mm_load_ss(p + stride))};
}

template <int kVector>
WORD F32 spread_pairs(const float* p, std::int64_t stride) {
  const __m512 first = _mm512_mask_broadcastss_ps(_mm512_set1_ps(p[0]), 0x00f0, _mm_load_ss(p + 1));
  const __m512 three = _mm512_mask_broadcastss_ps(first, 0x0f00, _mm_load_ss(p + stride));
  return {_mm512_mask_broadcastss_ps(three, 0xf000, _mm_load_ss(p + stride + 1))};
}

WORD F32 spread_f16(const std::byte* p, std::int64_t stride) {
  std::int16_t first = 0, second = 0;
  std::memcpy(&first, p, sizeof first);
  std::memcpy(&second, p + stride, sizeof second);
  return {_mm512_cvtph_ps(_mm256_set_m128i(_mm_set1_epi16(second), _mm_set1_epi16(first)))};
}

// Both rows' lanes are added up in the same order.
WORD void row_sums(F32 x, float* out) {
  const __m512 four = _mm512_add_ps(x.v, _mm512_shuffle_f32x4(x.v, x.v, 0xb1));
  const __m512 two = _mm512_add_ps(four, _mm512_permute_ps(four, 0x4e));
  const __m512 one = _mm512_add_ps(two, _mm512_permute_ps(two, 0xb1));
  out[0] = _mm512_cvtss_f32(one);
  out[1] = _mm_cvtss_f32(_mm512_extractf32x4_ps(one, 2));
}

template <int kMax>
WORD I32 dot(I32 i, I8 w, I8 x) {
  return {_mm512_dpbusd_epi32(i.v, w.v, x.v)};
}

template <int kByte>
WORD I32 byte_of(I8 w) {
  return {_mm512_and_si512(_mm512_srli_epi32(w.v, 8 * kByte), _mm512_set1_epi32(255))};
}

template <int kByte>
WORD I32 signed_byte_of(I8 w) {
  return {_mm512_srai_epi32(_mm512_slli_epi32(w.v, 24 - 8 * kByte), 24)};
}

WORD void add_stream(std::uint64_t* sums, const std::byte* p) {
  __m512i s = _mm512_loadu_si512(sums);
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) s = _mm512_add_epi64(s, _mm512_loadu_si512(p + 64 * i));
  _mm512_storeu_si512(sums, s);
}
