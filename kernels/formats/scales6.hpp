// The twelve bytes in which Q4_K and Q5_K keep eight scales and eight minima of six bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace oldiron::formats {

struct Scales6 {
  std::array<std::uint8_t, 8> scale{};
  std::array<std::uint8_t, 8> minimum{};
};

/// Groups 0 to 3 lie in the low six bits of bytes 0..7; groups 4 to 7 have four bits in bytes 8..11 and two
/// above those.
inline Scales6 unpack_scales6(const std::uint8_t* bytes) {
  Scales6 out;
  for (std::size_t g = 0; g < 4; ++g) {
    out.scale[g] = bytes[g] & 63;
    out.minimum[g] = bytes[g + 4] & 63;
    out.scale[g + 4] = static_cast<std::uint8_t>((bytes[g + 8] & 15) | (bytes[g] >> 6) << 4);
    out.minimum[g + 4] = static_cast<std::uint8_t>((bytes[g + 8] >> 4) | (bytes[g + 4] >> 6) << 4);
  }
  return out;
}

inline void pack_scales6(const Scales6& in, std::uint8_t* bytes) {
  for (std::size_t g = 0; g < 4; ++g) {
    bytes[g] = static_cast<std::uint8_t>(in.scale[g] | (in.scale[g + 4] >> 4) << 6);
    bytes[g + 4] = static_cast<std::uint8_t>(in.minimum[g] | (in.minimum[g + 4] >> 4) << 6);
    bytes[g + 8] = static_cast<std::uint8_t>((in.scale[g + 4] & 15) | (in.minimum[g + 4] & 15) << 4);
  }
}

/// Random scales of a synthetic block: S in 32..47, M within 3 of S, so that with dmin = d * mean field the
/// weights of a group are centred up to a tenth of their size. Takes 48 random bits.
inline Scales6 random_scales6(std::uint64_t bits) {
  Scales6 out;
  for (std::size_t g = 0; g < 8; ++g, bits >>= 6) {
    out.scale[g] = static_cast<std::uint8_t>(32 | (bits & 15));
    out.minimum[g] = static_cast<std::uint8_t>(out.scale[g] ^ (bits >> 4 & 3));
  }
  return out;
}

/// Root mean square of S in 32..47.
inline constexpr double kRandomScale6Rms = 39.770;  // sqrt((16^2 - 1) / 12 + 39.5^2)

}  // namespace oldiron::formats
