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

// Of a word that is known once loops are unrolled.
WORD I8 fifth_bit(I8 bits, int from) {
  switch (from) {
    case 0: return fifth_bit<0>(bits);
    case 1: return fifth_bit<1>(bits);
    case 2: return fifth_bit<2>(bits);
    case 3: return fifth_bit<3>(bits);
    case 4: return fifth_bit<4>(bits);
    case 5: return fifth_bit<5>(bits);
    case 6: return fifth_bit<6>(bits);
    default: return fifth_bit<7>(bits);
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
  WORD static I8 word(const std::byte* const* plane, std::int64_t unit, int part, int i) {
    const I8 bits = load_words(plane[1] + unit * 64 + part * 4 * kLanes);
    return Q4_0::word<kChunk>(plane, unit, part, i) | fifth_bit(bits, i);
  }

  template <int kChunk>
  WORD static void scales(const std::byte* const* plane, std::int64_t unit, int part, F32* s) {
    s[0] = load_f16(reinterpret_cast<const std::uint16_t*>(plane[2] + unit * 32) + part * kLanes);
  }
};
