// Included into an ISA's region. How a packed group of q5_1 becomes words of dot4: five bits 0..31 with a scale
// and an offset.
struct Q5_1 {
  static constexpr TensorType kType = TensorType::q5_1;
  static constexpr int kMax = 31;
  static constexpr int kOffset = 0;
  static constexpr int kScales = 1;
  static constexpr bool kMinimum = true;  // the offset, subtracted with its sign turned
  static constexpr int kChunks = 1;
  static constexpr int kUnitBytes[] = {256, 64, 64};  // words, fifth bits, d and m

  template <int kChunk>
  WORD static I8 word(const std::byte* const* plane, std::int64_t unit, int part, int i) {
    return Q5_0::word<kChunk>(plane, unit, part, i);
  }

  template <int kChunk>
  WORD static void scales(const std::byte* const* plane, std::int64_t unit, int part, F32* s) {
    s[0] = load_f16(reinterpret_cast<const std::uint16_t*>(plane[2] + unit * 64) + part * kLanes);
  }

  template <int kChunk>
  WORD static F32 minimum(const std::byte* const* plane, std::int64_t unit, int part) {
    return all(0.0F) -
           load_f16(reinterpret_cast<const std::uint16_t*>(plane[2] + unit * 64 + 32) + part * kLanes);
  }
};
