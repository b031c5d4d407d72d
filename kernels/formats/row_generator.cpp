// Random rows of types that are not computed here: of most of them any bytes are valid, and only the half scales of a
// block decide how large its weights are.
#include "kernels/formats/row_generator.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <span>

#include "kernels/formats/format.hpp"
#include "kernels/formats/random.hpp"

namespace oldiron {

namespace {

/// A block of random bytes with one half scale d.
struct BlockShape {
  std::size_t scale_at;       ///< where d lies
  std::ptrdiff_t offset_at;   ///< where the half factor of the block's offsets lies; -1: there is none
  double offset_per_scale;    ///< chosen so that the weights have a mean of 0
  double rms;                 ///< of a weight whose d is 1
};

double table_rms(std::span<const int> table) {
  const double squares = std::accumulate(table.begin(), table.end(), 0.0, [](double sum, int v) { return sum + v * v; });
  return std::sqrt(squares / static_cast<double>(table.size()));
}

double odd_rms(int below) { return std::sqrt((4.0 * below * below - 1) / 3); }  // of 2 n + 1, n in [0, below)

constexpr int kNonLinear[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr int kShifted[] = {-123, -100, -79, -61, -45, -31, -18, -6, 5, 17, 29, 42, 57, 73, 93, 117};
constexpr int kThreeBits[] = {-63, -40, -23, -10, 1, 13, 28, 47, -59, -36, -19, -6, 5, 17, 32, 51};
constexpr int kTwoBits[] = {-31, -13, 1, 17, -26, -8, 6, 22};

/// Random bytes of type's blocks, then d = one of sixteen halves, by four bits of the stream.
void generate_blocks(TensorType type, const BlockShape& shape, std::uint64_t key, std::int64_t k, float amplitude,
                     std::byte* row) {
  const auto bytes = static_cast<std::size_t>(info(type).block_bytes);
  const auto scales = formats::half_scales(formats::deviation(k, amplitude) / shape.rms);
  formats::RandomStream random(key);
  for (std::int64_t block = 0; block < k / info(type).block; ++block, row += bytes) {
    for (std::size_t at = 0; at < bytes; at += 8) {
      const std::uint64_t word = random.next();
      std::memcpy(row + at, &word, std::min<std::size_t>(8, bytes - at));
    }
    const std::uint16_t scale = scales[random.next() >> 60];
    std::memcpy(row + shape.scale_at, &scale, 2);
    if (shape.offset_at < 0) continue;
    const std::uint16_t offset =
        float_to_half(half_to_float(scale) * static_cast<float>(shape.offset_per_scale));
    std::memcpy(row + shape.offset_at, &offset, 2);
  }
}

void generate_q2_k(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  // w = d s q - 1.5 d m with s and m uniform in 0 .. 15 and q in 0 .. 3: mean 7.5 * 1.5 - 1.5 * 7.5.
  static const BlockShape kShape = {80, 82, 1.5, std::sqrt(77.5 * 3.5 - 3 * 7.5 * 1.5 * 7.5 + 2.25 * 77.5)};
  generate_blocks(TensorType::q2_k, kShape, key, k, amplitude, row);
}

void generate_q3_k(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  static const BlockShape kShape = {108, -1, 0, formats::uniform_rms(-32, 31) * formats::uniform_rms(-4, 3)};
  generate_blocks(TensorType::q3_k, kShape, key, k, amplitude, row);
}

void generate_q6_0(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  static const BlockShape kShape = {0, -1, 0, formats::uniform_rms(-32, 31)};
  generate_blocks(TensorType::q6_0, kShape, key, k, amplitude, row);
}

void generate_iq4_nl(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  static const BlockShape kShape = {0, -1, 0, table_rms(kNonLinear)};
  generate_blocks(TensorType::iq4_nl, kShape, key, k, amplitude, row);
}

void generate_iq4_xs(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  static const BlockShape kShape = {0, -1, 0, formats::uniform_rms(-32, 31) * table_rms(kNonLinear)};
  generate_blocks(TensorType::iq4_xs, kShape, key, k, amplitude, row);
}

void generate_iq2_k(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  static const BlockShape kShape = {0, -1, 0, formats::uniform_rms(-8, 7) * table_rms(kTwoBits)};
  generate_blocks(TensorType::iq2_k, kShape, key, k, amplitude, row);
}

void generate_iq3_k(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  static const BlockShape kShape = {0, -1, 0, odd_rms(16) * table_rms(kThreeBits)};
  generate_blocks(TensorType::iq3_k, kShape, key, k, amplitude, row);
}

void generate_iq4_k(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row) {
  static const double table = std::hypot(table_rms(kNonLinear), table_rms(kShifted)) / std::sqrt(2.0);
  static const BlockShape kShape = {0, -1, 0, formats::uniform_rms(-32, 31) * table};
  generate_blocks(TensorType::iq4_k, kShape, key, k, amplitude, row);
}

}  // namespace

RowGenerator row_generator(TensorType type) {
  if (const Format* computed = format(type); computed != nullptr) return computed->generate;
  switch (type) {
    case TensorType::q2_k:
      return generate_q2_k;
    case TensorType::q3_k:
      return generate_q3_k;
    case TensorType::q6_0:
      return generate_q6_0;
    case TensorType::iq4_nl:
      return generate_iq4_nl;
    case TensorType::iq4_xs:
      return generate_iq4_xs;
    case TensorType::iq2_k:
      return generate_iq2_k;
    case TensorType::iq3_k:
      return generate_iq3_k;
    case TensorType::iq4_k:
      return generate_iq4_k;
    default:
      return nullptr;
  }
}

}  // namespace oldiron
