// Included into a region of AVX2: the vocabulary (kernels/isa/vocabulary.inl) in ymm registers.
constexpr int kLanes = 8;
constexpr int kSigned = -1;
constexpr int kSignedOffset = 0;  // the sign trick multiplies signed bytes exactly
constexpr int kWordsAtOnce = 8;
constexpr int kTileColumns = 4;  // 8 integer accumulators of both halves of the rows, 2 weights and a broadcast
constexpr int kPanelVectors = 2;
constexpr int kPanelTile = 4;  // 8 integer accumulators, 2 weights and a broadcast
constexpr int kPanelTileOf2 = 4;
constexpr bool kPanelHoldsFloats = false;
constexpr int kRowColumns = 2;
constexpr int kFloatColumns = 3;  // 2 halves x 2 chains x 3 columns

struct F32 {
  __m256 v;
};

struct I32 {
  __m256i v;
};

struct I8 {
  __m256i v;
};

WORD __m256i load_bytes(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

WORD void store_bytes(void* p, __m256i x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }

WORD F32 all(float x) { return {_mm256_set1_ps(x)}; }

WORD F32 load(const float* p) { return {_mm256_loadu_ps(p)}; }

WORD void store(float* p, F32 x) { _mm256_storeu_ps(p, x.v); }

WORD void store_past(float* p, F32 x) { _mm256_stream_ps(p, x.v); }

WORD F32 load_f16(const std::uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}

WORD F32 load_bf16(const std::uint16_t* p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16))};
}

WORD void store_f16(std::uint16_t* p, F32 x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT));
}

WORD void store_bf16(std::uint16_t* p, F32 x) {
  const __m256i bits = _mm256_castps_si256(x.v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q));
  const __m256i result = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm_packus_epi32(_mm256_castsi256_si128(result), _mm256_extracti128_si256(result, 1)));
}

WORD F32 all_f16(const std::uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_set1_epi16(static_cast<short>(*p)))};
}

WORD F32 operator+(F32 a, F32 b) { return {_mm256_add_ps(a.v, b.v)}; }

WORD F32 operator-(F32 a, F32 b) { return {_mm256_sub_ps(a.v, b.v)}; }

WORD F32 operator*(F32 a, F32 b) { return {_mm256_mul_ps(a.v, b.v)}; }

WORD F32 operator/(F32 a, F32 b) { return {_mm256_div_ps(a.v, b.v)}; }

WORD F32 fmadd(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }

WORD F32 largest(F32 a, F32 b) { return {_mm256_max_ps(a.v, b.v)}; }

WORD F32 smallest(F32 a, F32 b) { return {_mm256_min_ps(a.v, b.v)}; }

WORD F32 where_less(F32 a, F32 b, F32 yes, F32 no) {
  return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))};
}

WORD F32 magnitude(F32 x) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0F), x.v)}; }

WORD F32 with_sign_of(F32 x, F32 sign) {
  return {_mm256_or_ps(x.v, _mm256_and_ps(_mm256_set1_ps(-0.0F), sign.v))};
}

WORD float sum(F32 x) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// Pairs of vectors are folded together, in the order in which sum() folds one.
WORD __m256 fold_halves(F32 a, F32 b) {
  return _mm256_add_ps(_mm256_permute2f128_ps(a.v, b.v, 0x20), _mm256_permute2f128_ps(a.v, b.v, 0x31));
}

WORD __m256 fold_pairs(__m256 a, __m256 b) {
  return _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b))),
                       _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b))));
}

WORD F32 sum_each(const F32* x) {
  const __m256 low = fold_pairs(fold_halves(x[0], x[4]), fold_halves(x[1], x[5]));
  const __m256 high = fold_pairs(fold_halves(x[2], x[6]), fold_halves(x[3], x[7]));
  return {_mm256_add_ps(_mm256_shuffle_ps(low, high, 0x88), _mm256_shuffle_ps(low, high, 0xdd))};
}

WORD float largest(F32 x) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

WORD I32 all(std::int32_t x) { return {_mm256_set1_epi32(x)}; }

WORD I32 load_int8(const std::int8_t* p) {
  return {_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
}

WORD I32 low_nibbles(const std::byte* p) {
  const __m256i wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  return {_mm256_and_si256(wide, _mm256_set1_epi32(15))};
}

WORD I32 high_nibbles(const std::byte* p) {
  return {_mm256_srli_epi32(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))), 4)};
}

WORD void store_int8(std::int8_t* p, I32 x) {
  const __m128i low_bytes = _mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m128i low = _mm_shuffle_epi8(_mm256_castsi256_si128(x.v), low_bytes);
  const __m128i high = _mm_shuffle_epi8(_mm256_extracti128_si256(x.v, 1), low_bytes);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_unpacklo_epi32(low, high));
}

WORD I32 operator+(I32 a, I32 b) { return {_mm256_add_epi32(a.v, b.v)}; }

WORD I32 operator-(I32 a, I32 b) { return {_mm256_sub_epi32(a.v, b.v)}; }

WORD I32 largest(I32 a, I32 b) { return {_mm256_max_epi32(a.v, b.v)}; }

WORD std::int32_t sum(I32 x) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x.v), _mm256_extracti128_si256(x.v, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

WORD std::int32_t largest(I32 x) {
  const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(x.v), _mm256_extracti128_si256(x.v, 1));
  const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

WORD F32 to_float(I32 x) { return {_mm256_cvtepi32_ps(x.v)}; }

WORD I32 nearest(F32 x) { return {_mm256_cvtps_epi32(x.v)}; }

WORD I32 magnitude_bits(F32 x) {
  return {_mm256_and_si256(_mm256_castps_si256(x.v), _mm256_set1_epi32(0x7fffffff))};
}

WORD F32 power_of_two(I32 n) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n.v, _mm256_set1_epi32(127)), 23))};
}

WORD I8 load_words(const std::byte* p) { return {load_bytes(p)}; }

WORD I8 operator&(I8 w, int mask) {
  return {_mm256_and_si256(w.v, _mm256_set1_epi8(static_cast<char>(mask)))};
}

WORD I8 operator|(I8 a, I8 b) { return {_mm256_or_si256(a.v, b.v)}; }

WORD I8 looked_up(I8 w, const std::uint8_t* table) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return {_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), w.v)};
}

template <int kBits>
WORD I8 shift_left(I8 w) {
  return {_mm256_slli_epi32(w.v, kBits)};
}

template <int kBits>
WORD I8 shift_right(I8 w) {
  return {_mm256_srli_epi32(w.v, kBits)};
}

WORD I8 as_operand(I8 w) { return w; }

WORD __m256i broadcast4(const std::int8_t* x) {
  std::int32_t four = 0;
  std::memcpy(&four, x, sizeof four);
  return _mm256_set1_epi32(four);
}

// vpmaddubsw adds two products u8 x s8 and saturates at 16 bits: |w| <= 128 and |x| <= 127 give 2 * 128 * 127
// < 2^15, so that a signed weight as magnitude times sign is exact; smaller weights leave room for several
// words before widening.
template <int kMax, int kWords>
WORD I32 dot4(I32 i, const I8* w, const std::int8_t* x) {
  constexpr int kLargest = kMax == kSigned ? 128 : kMax;
  constexpr int kChain = std::min(kWords, 32767 / (2 * kLargest * 127));
  static_assert(kChain >= 1 && kWords % kChain == 0);
#pragma GCC unroll 8
  for (int first = 0; first < kWords; first += kChain) {
    __m256i s = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int word = first; word < first + kChain; ++word) {
      const __m256i four = broadcast4(x + 4 * word);
      const __m256i products = kMax == kSigned ? _mm256_maddubs_epi16(_mm256_abs_epi8(w[word].v),
                                                                      _mm256_sign_epi8(four, w[word].v))
                                               : _mm256_maddubs_epi16(w[word].v, four);
      s = word == first ? products : _mm256_add_epi16(s, products);
    }
    i.v = _mm256_add_epi32(i.v, _mm256_madd_epi16(s, _mm256_set1_epi16(1)));
  }
  return i;
}

// Sums of words' products in 16 bits, as many as fit, widened onto an integer at the end. Sums of a scale's
// words with the offset taken off fit more often than without, and only they must: 16 bits wrap around. Then
// the chain starts from minus the offset times the activations, in the lanes that add the same k.
template <class Unpack>
struct Sums {
  static constexpr int kMax = Unpack::kMax;
  static constexpr int kOffset = Unpack::kOffset;
  static constexpr int kAll = 8 / Unpack::kScales;
  static constexpr bool kStartsInLanes =
      kMax != kSigned && kOffset > 0 && kAll * 2 * 127 * std::max(kOffset, kMax - kOffset) <= 32767;
  static constexpr int kWords =
      kStartsInLanes ? kAll : std::bit_floor(32767U / (2 * (kMax == kSigned ? 128 : kMax) * 127));
  static_assert(kMax == kSigned || 2 * kMax * 127 <= 32767, "vpmaddubsw saturates");
  __m256i v;

  // Two sums of 16 bits, of k 0, 1, 4, 5, … and of k 2, 3, 6, 7, …
  static std::int32_t start(const std::int8_t* x) requires kStartsInLanes {
    __m128i lanes = _mm_setzero_si128();
    for (int i = 0; i < 4 * kAll; i += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i));
      lanes = _mm_add_epi16(lanes, _mm_maddubs_epi16(_mm_set1_epi8(1), bytes));
    }
    lanes = _mm_add_epi16(lanes, _mm_shuffle_epi32(lanes, 0x4e));
    lanes = _mm_add_epi16(lanes, _mm_shuffle_epi32(lanes, 0xb1));
    return _mm_cvtsi128_si32(_mm_mullo_epi16(lanes, _mm_set1_epi16(-kOffset)));
  }

  WORD static Sums from(I32 start) { return {kStartsInLanes ? start.v : _mm256_setzero_si256()}; }

  WORD void add(I8 w, const std::int8_t* x) {
    const __m256i four = broadcast4(x);
    v = _mm256_add_epi16(v, kMax == kSigned
                                ? _mm256_maddubs_epi16(_mm256_abs_epi8(w.v), _mm256_sign_epi8(four, w.v))
                                : _mm256_maddubs_epi16(w.v, four));
    // Else GCC sums products as a tree, whose leaves it spills.
    asm("" : "+x"(v));
  }

  WORD I32 onto(I32 start) const {
    const I32 wide = {_mm256_madd_epi16(v, _mm256_set1_epi16(1))};
    return kStartsInLanes ? wide : start + wide;
  }
};

WORD I8 all_bytes(int x) { return {_mm256_set1_epi8(static_cast<char>(x))}; }

WORD I8 load_rows(const std::byte* p, std::int64_t) { return {load_bytes(p)}; }

template <int kVector>
WORD I8 load_nibbles(const std::byte* p, std::int64_t) {
  const __m256i twice = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return I8{_mm256_srlv_epi32(twice, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4))} & 0x0f;
}

WORD I8 all_rows(const std::int8_t* x) { return {load_bytes(x)}; }

WORD F32 load_rows(const float* p, std::int64_t) { return load(p); }

WORD F32 all_rows(const float* p) { return load(p); }

WORD F32 spread(const float* p, std::int64_t) { return all(*p); }

template <int kVector>
WORD F32 spread_pairs(const float* p, std::int64_t) {
  return {_mm256_set_m128(_mm_set1_ps(p[1]), _mm_set1_ps(p[0]))};
}

WORD F32 spread_f16(const std::byte* p, std::int64_t) {
  std::int16_t half = 0;
  std::memcpy(&half, p, sizeof half);
  return {_mm256_cvtph_ps(_mm_set1_epi16(half))};
}

WORD void row_sums(F32 x, float* out) { *out = sum(x); }

template <int kMax>
WORD I32 dot(I32 i, I8 w, I8 x) {
  const __m256i pairs = kMax == kSigned
                            ? _mm256_maddubs_epi16(_mm256_abs_epi8(w.v), _mm256_sign_epi8(x.v, w.v))
                            : _mm256_maddubs_epi16(w.v, x.v);
  return {_mm256_add_epi32(i.v, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))};
}

template <int kByte>
WORD I32 byte_of(I8 w) {
  return {_mm256_and_si256(_mm256_srli_epi32(w.v, 8 * kByte), _mm256_set1_epi32(255))};
}

template <int kByte>
WORD I32 signed_byte_of(I8 w) {
  return {_mm256_srai_epi32(_mm256_slli_epi32(w.v, 24 - 8 * kByte), 24)};
}

WORD void add_stream(std::uint64_t* sums, const std::byte* p) {
  __m256i low = load_bytes(sums);
  __m256i high = load_bytes(sums + 4);
#pragma GCC unroll 8
  for (int i = 0; i < 512; i += 64) {
    low = _mm256_add_epi64(low, load_bytes(p + i));
    high = _mm256_add_epi64(high, load_bytes(p + i + 32));
  }
  store_bytes(sums, low);
  store_bytes(sums + 4, high);
}
