// Included into an ISA's region. How a packed group of q5_0 becomes words of dot4: five bits 0..31 stand for
// -16..15.

// Bit kFrom of every byte, at bit 4: what nibbles lack to five bits.
template <int kFrom>
WORD I8 fifth_bit(I8 bits) {
  if constexpr (kFrom < 4) {
    return shift_left<4 - kFrom>(bits) & 0x10;
  } else if constexpr (kFrom == 4) {
    return bits & 0x10;
  } else {
    return shift_right<kFrom - 4>(bits) & 0x10;
  }
}

struct Q5_0 {
  static constexpr TensorType kType = TensorType::q5_0;
  static constexpr int kMax = 31;
  static constexpr int kOffset = 16;
  static constexpr int kScales = 1;
  static constexpr int kChunks = 1;
  static constexpr int kUnitBytes[] = {256, 64, 32};  // words, fifth bits, d

  template <int kChunk>
  WORD static void words(const std::byte* const* plane, std::int64_t unit, int part, I8* w) {
    const std::byte* p = plane[0] + unit * 256 + part * 4 * kLanes;
    const I8 bits = load_words(plane[1] + unit * 64 + part * 4 * kLanes);
    unrolled<4>([&]<int i>() __attribute__((always_inline)) {
      const I8 both = load_words(p + 64 * i);
      w[i] = (both & 0x0f) | fifth_bit<i>(bits);
      w[i + 4] = (shift_right<4>(both) & 0x0f) | fifth_bit<i + 4>(bits);
    });
  }

  template <int kChunk>
  WORD static void scales(const std::byte* const* plane, std::int64_t unit, int part, F32* s) {
    s[0] = load_f16(reinterpret_cast<const std::uint16_t*>(plane[2] + unit * 32) + part * kLanes);
  }
};
