// Included into an ISA's region. How a packed group of q4_k becomes words of dot4: nibbles 0..15 with a scale
// and a minimum per 32.
struct Q4_K {
  static constexpr TensorType kType = TensorType::q4_k;
  static constexpr int kMax = 15;
  static constexpr int kOffset = 0;
  static constexpr int kScales = 1;
  static constexpr bool kMinimum = true;  // weight = scale * byte - minimum
  static constexpr int kChunks = 8;
  static constexpr int kUnitBytes[] = {2048, 192, 64};  // words, scales, d and dmin

  template <int kChunk>
  WORD static I8 word(const std::byte* const* plane, std::int64_t unit, int part, int i) {
    const I8 both = load_words(plane[0] + unit * 2048 + kChunk / 2 * 512 + part * 4 * kLanes + 64 * i);
    return (kChunk % 2 == 0 ? both : shift_right<4>(both)) & 0x0f;
  }

  WORD static Scales6Of fields(const std::byte* const* plane, std::int64_t unit, int part) {
    return {plane[1] + unit * 192, plane[2] + unit * 64, part};
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
