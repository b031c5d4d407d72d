// Included into an ISA's region. How a packed group of q8_0 becomes words of dot4: the signed bytes
// themselves.
struct Q8_0 {
  static constexpr TensorType kType = TensorType::q8_0;
  static constexpr int kMax = kSigned;
  static constexpr int kOffset = kSignedOffset;
  static constexpr int kScales = 1;
  static constexpr int kChunks = 1;
  static constexpr int kUnitBytes[] = {512, 32};  // words, d

  template <int kChunk>
  WORD static I8 word(const std::byte* const* plane, std::int64_t unit, int part, int i) {
    return as_operand(load_words(plane[0] + unit * 512 + part * 4 * kLanes + 64 * i));
  }

  template <int kChunk>
  WORD static void scales(const std::byte* const* plane, std::int64_t unit, int part, F32* s) {
    s[0] = load_f16(reinterpret_cast<const std::uint16_t*>(plane[1] + unit * 32) + part * kLanes);
  }
};
