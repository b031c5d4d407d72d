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
  WORD static void words(const std::byte* const* plane, std::int64_t unit, int part, I8* w) {
    const std::byte* bits = plane[1] + unit * 512 + part * 4 * kLanes;
    Q4_K::words<kChunk>(plane, unit, part, w);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) w[i] = w[i] | fifth_bit<kChunk>(load_words(bits + 64 * i));
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
