// F16: IEEE halves.
#include "kernels/formats/f16.hpp"

#include <emmintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels/formats/random.hpp"

namespace oldiron::formats {

namespace {

float weight(const std::byte* row, std::int64_t i) {
  std::uint16_t half = 0;
  std::memcpy(&half, row + i * 2, 2);
  return half_to_float(half);
}

/// float_to_half of four floats, none a NaN, in the lower half of the result: without branches, which random
/// values would mispredict.
__m128i four_halves(__m128 values) {
  const __m128i bits = _mm_castps_si128(values);
  const __m128i magnitude = _mm_and_si128(bits, _mm_set1_epi32(0x7fffffff));
  const __m128i odd = _mm_and_si128(_mm_srli_epi32(magnitude, 13), _mm_set1_epi32(1));
  const __m128i rebiased = _mm_add_epi32(magnitude, _mm_set1_epi32(0xfff - (112 << 23)));
  const __m128i normal = _mm_srli_epi32(_mm_add_epi32(rebiased, odd), 13);
  // One half has an ulp of 2^-24, the unit of subnormal halves: the addition rounds.
  const __m128 half = _mm_set1_ps(0.5F);
  const __m128i small =
      _mm_sub_epi32(_mm_castps_si128(_mm_add_ps(_mm_castsi128_ps(magnitude), half)), _mm_castps_si128(half));
  const auto choose = [](__m128i mask, __m128i yes, __m128i no) {
    return _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no));
  };
  const __m128i is_small = _mm_cmplt_epi32(magnitude, _mm_set1_epi32(0x38800000));
  const __m128i is_large = _mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x477fefff));
  const __m128i finite = choose(is_small, small, normal);
  const __m128i size = choose(is_large, _mm_set1_epi32(0x7c00), finite);
  const __m128i sign = _mm_and_si128(_mm_srli_epi32(bits, 16), _mm_set1_epi32(0x8000));
  const __m128i wide = _mm_slli_epi32(_mm_or_si128(size, sign), 16);
  return _mm_packs_epi32(_mm_srai_epi32(wide, 16), _mm_setzero_si128());
}

}  // namespace

void dequantise_f16(const std::byte* row, std::int64_t k, float* out) {
  for (std::int64_t i = 0; i < k; ++i) out[i] = weight(row, i);
}

double dot_q8_f16(const std::byte* row, const std::int8_t* q, const float* scale, std::int64_t k) {
  double sum = 0;
  for (std::int64_t i = 0; i < k; ++i) {
    sum += static_cast<double>(weight(row, i)) * q[i] * static_cast<double>(scale[i / 32]);
  }
  return sum;
}

void generate_f16(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  // Uniform in +-sqrt(3) deviations: four signed 16-bit integers per random word.
  const __m128 unit = _mm_set1_ps(static_cast<float>(deviation(k, amplitude) * std::sqrt(3.0) * 0x1p-15));
  RandomStream random(key);
  for (std::int64_t i = 0; i < k; i += 4) {
    const __m128i word = _mm_cvtsi64_si128(static_cast<long long>(random.next()));
    const __m128i integers = _mm_srai_epi32(_mm_unpacklo_epi16(word, word), 16);
    const __m128i halves = four_halves(_mm_mul_ps(_mm_cvtepi32_ps(integers), unit));
    const auto four = static_cast<std::uint64_t>(_mm_cvtsi128_si64(halves));
    std::memcpy(row + i * 2, &four, static_cast<std::size_t>(std::min<std::int64_t>(4, k - i)) * 2);
  }
}

}  // namespace oldiron::formats
