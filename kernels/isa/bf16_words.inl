// Included into the regions of the ISAs that have AVX-512-BF16, after avx512_words.inl: what products of
// pairs and tiles speak beside the vocabulary.

// Of each of 16 rows two consecutive k as BF16, the even k in the low half: a row of an AMX tile as well.
struct Pairs {
  __m512i v;
};

// [2 k][16 rows] to [16 rows][2 k].
WORD Pairs interleaved(__m512i halves) {
  alignas(64) static constexpr std::uint16_t kOrder[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                           21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                           11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return {_mm512_permutexvar_epi16(_mm512_load_si512(kOrder), halves)};
}

// To nearest even; denormals become zero.
WORD __m512i rounded(F32 low, F32 high) { return (__m512i)_mm512_cvtne2ps_pbh(high.v, low.v); }

WORD Pairs pairs_of(F32 even, F32 odd) { return interleaved(rounded(even, odd)); }

WORD Pairs load_pairs(const std::byte* p) { return {_mm512_loadu_si512(p)}; }

WORD void store_pairs(std::byte* p, Pairs w) { _mm512_storeu_si512(p, w.v); }

// 32 consecutive values.
WORD void store_bf16(std::uint16_t* p, F32 low, F32 high) { _mm512_storeu_si512(p, rounded(low, high)); }

// acc + the products of each row's pair with one pair of activations.
WORD F32 dot2(F32 acc, Pairs w, const std::uint16_t* x) {
  std::int32_t two = 0;
  std::memcpy(&two, x, sizeof two);
  return {_mm512_dpbf16_ps(acc.v, (__m512bh)w.v, (__m512bh)_mm512_set1_epi32(two))};
}

// Bytes less `offset`.
WORD I8 minus(I8 w, int offset) {
  return {_mm512_sub_epi8(w.v, _mm512_set1_epi8(static_cast<char>(offset)))};
}

WORD void store_words(std::byte* p, I8 w) { _mm512_storeu_si512(p, w.v); }

WORD I32 load_integers(const std::int32_t* p) { return {_mm512_loadu_si512(p)}; }
