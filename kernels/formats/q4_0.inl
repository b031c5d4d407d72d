// Included into an ISA's region. How a packed group of q4_0 becomes words of dot4: nibbles 0..15 stand for
// -8..7.
struct Q4_0 {
  static constexpr TensorType kType = TensorType::q4_0;
  static constexpr int kMax = 15;                 // largest unsigned weight
  static constexpr int kOffset = 8;               // weight = byte - kOffset
  static constexpr int kScales = 1;               // per 32 k
  static constexpr int kChunks = 1;               // chunks of 32 k that are unpacked in one go
  static constexpr int kUnitBytes[] = {256, 32};  // of each plane per such unit: words, d

  template <int kChunk>
  WORD static I8 word(const std::byte* const* plane, std::int64_t unit, int part, int i) {
    const I8 both = load_words(plane[0] + unit * 256 + part * 4 * kLanes + 64 * (i % 4));
    return (i < 4 ? both : shift_right<4>(both)) & 0x0f;
  }

  template <int kChunk>
  WORD static void scales(const std::byte* const* plane, std::int64_t unit, int part, F32* s) {
    s[0] = load_f16(reinterpret_cast<const std::uint16_t*>(plane[1] + unit * 32) + part * kLanes);
  }
};
