// Included into an ISA's region. How a packed group of mxfp4 becomes words of dot4: 0..24 stand for twice the
// floats of four bits, -12..12, and the scale is a power of two.
constexpr std::uint8_t kE2M1[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

struct MXFP4 {
  static constexpr TensorType kType = TensorType::mxfp4;
  static constexpr int kMax = 31;  // 24 at most, but chains of words are cut for powers of two
  static constexpr int kOffset = 12;
  static constexpr int kScales = 1;
  static constexpr int kChunks = 1;
  static constexpr int kUnitBytes[] = {256, 16};  // words, exponents

  template <int kChunk>
  WORD static I8 word(const std::byte* const* plane, std::int64_t unit, int part, int i) {
    return looked_up(Q4_0::word<kChunk>(plane, unit, part, i), kE2M1);
  }

  // 2^(e - 128), which is too small for a normal float below e = 2 and then 0. Bytes are read with a sign:
  // without the sign bit of the result, exponents 256 apart are the same.
  template <int kChunk>
  WORD static void scales(const std::byte* const* plane, std::int64_t unit, int part, F32* s) {
    const I32 e = load_int8(reinterpret_cast<const std::int8_t*>(plane[1] + unit * 16) + part * kLanes);
    const F32 power = magnitude(power_of_two(e + all(128)));
    s[0] = where_less(magnitude(to_float(e)), all(0.5F), all(0.0F), power);
  }
};
