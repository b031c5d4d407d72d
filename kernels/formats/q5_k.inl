// Included into an ISA's region. How a packed group of q5_k becomes words of dot4: as q4_k, with a fifth bit.
struct Q5_K {
  static constexpr TensorType kType = TensorType::q5_k;
  static constexpr int kMax = 31;
  static constexpr int kOffset = 0;
  static constexpr int kScales = 1;
  static constexpr bool kMinimum = true;
  static constexpr int kChunks = 8;
  static constexpr int kUnitBytes[] = {2048, 512, 192, 64};  // words, fifth bits, scales, d and dmin

  template <int kChunk>
  WORD static I8 word(const std::byte* const* plane, std::int64_t unit, int part, int i) {
    const I8 bits = load_words(plane[1] + unit * 512 + part * 4 * kLanes + 64 * i);
    return Q4_K::word<kChunk>(plane, unit, part, i) | fifth_bit<kChunk>(bits);
  }

  WORD static Scales6Of fields(const std::byte* const* plane, std::int64_t unit, int part) {
    return {plane[2] + unit * 192, plane[3] + unit * 64, part};
  }

  template <int kChunk>
  WORD static void scales(const std::byte* const* plane, std::int64_t unit, int part, F32* s) {
    s[0] = fields(plane, unit, part).template scale<kChunk>();
  }

  template <int kChunk>
  WORD static F32 minimum(const std::byte* const* plane, std::int64_t unit, int part) {
    return fields(plane, unit, part).template minimum<kChunk>();
  }
};
