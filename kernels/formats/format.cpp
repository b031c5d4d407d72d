// The list of formats, and the conversions between halves and floats that all of them share.
#include "kernels/formats/format.hpp"

#include <bit>

#include "kernels/formats/bf16.hpp"
#include "kernels/formats/f16.hpp"
#include "kernels/formats/f32.hpp"
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

const Format* format(TensorType type) {
  static constexpr Format kFormats[] = {
#define FORMAT(id) {TensorType::id, formats::dequantise_##id, formats::dot_q8_##id, formats::generate_##id},
#include "kernels/formats.def"
#undef FORMAT
  };
  for (const Format& candidate : kFormats) {
    if (candidate.type == type) return &candidate;
  }
  return nullptr;
}

// Integer work only where the hardware might flush: a denormal float never appears on the way.
float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t exponent = half >> 10 & 31;
  const std::uint32_t mantissa = half & 1023;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;  // biases 127 and 15 differ by 112
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  const std::uint32_t magnitude = bits & 0x7fffffff;
  std::uint32_t half = 0;
  if (magnitude > 0x7f800000) {
    half = 0x7e00 | (magnitude >> 13 & 0x3ff);  // a quiet NaN
  } else if (magnitude >= 0x477ff000) {
    half = 0x7c00;  // 65520, half-way beyond the largest half, and above
  } else if (magnitude >= 0x38800000) {
    half = (magnitude - (112U << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;  // normal: round to nearest even
  } else if (magnitude >= 0x33000000) {
    // Subnormal: the significand shifted to units of 2^-24, the bits that fall off rounded to nearest even.
    const std::uint32_t shift = 126 - (magnitude >> 23);
    const std::uint32_t significand = (magnitude & 0x7fffff) | 0x800000;
    const std::uint32_t rest = significand & ((1U << shift) - 1);
    const std::uint32_t midway = 1U << (shift - 1);
    half = significand >> shift;
    half += static_cast<std::uint32_t>(rest > midway || (rest == midway && (half & 1) != 0));
  }
  return static_cast<std::uint16_t>(sign | half);
}

std::uint16_t float_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<std::uint16_t>((bits | 0x400000) >> 16);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace oldiron
