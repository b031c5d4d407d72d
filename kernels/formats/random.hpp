// A counter-based stream of random words and the random block scales that every synthetic row is made of.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "kernels/formats/format.hpp"

namespace oldiron::formats {

/// A bijection of 64-bit words that passes statistical tests on consecutive inputs.
/// Source: finaliser of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
/// 2014).
inline std::uint64_t mix(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

/// Word n of the stream is mix(key + n * golden ratio): it depends on nothing else, so any row can be made at
/// any time.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t key) : state_(key) {}

  std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15); }

 private:
  std::uint64_t state_;
};

/// Standard deviation of a row's weights: `amplitude` 1 keeps the size of what the row is multiplied with.
inline double deviation(std::int64_t k, float amplitude) {
  return static_cast<double>(amplitude) / std::sqrt(static_cast<double>(k));
}

/// Sixteen half scales, a block takes one by four random bits: eight sizes within 25 % of each other, both
/// signs, and root mean square `rms`. The sign matters: with a common one, the mean of unsigned fields would
/// align all rows.
inline std::array<std::uint16_t, 16> half_scales(double rms) {
  // The eight factors 0.75 .. 1.25 have a mean of 1 and a variance of (8^2 - 1) / 12 * (0.5 / 7)^2.
  const double unit = rms / std::sqrt(1 + 63.0 / 12 * (0.5 / 7) * (0.5 / 7));
  std::array<std::uint16_t, 16> scales{};
  for (std::size_t i = 0; i < 8; ++i) {
    scales[i] = float_to_half(static_cast<float>(unit * (0.75 + 0.5 / 7 * static_cast<double>(i))));
    scales[i + 8] = static_cast<std::uint16_t>(scales[i] | 0x8000);
  }
  return scales;
}

/// Root mean square of an integer that is uniform in [low, high].
inline double uniform_rms(int low, int high) {
  const double n = high - low + 1;
  const double mean = 0.5 * (low + high);
  return std::sqrt((n * n - 1) / 12 + mean * mean);
}

}  // namespace oldiron::formats
