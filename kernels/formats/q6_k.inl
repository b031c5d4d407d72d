// Included into an ISA's region. How a packed group of q6_k becomes words of dot4: bytes 0..63 stand for
// -32..31, scaled per 16.
struct Q6_K {
  static constexpr TensorType kType = TensorType::q6_k;
  static constexpr int kMax = 63;
  static constexpr int kOffset = 32;
  static constexpr int kScales = 2;
  static constexpr int kChunks =
      4;  // 128 k share their bytes: two chunks per nibble, four per pair of high bits
  static constexpr int kUnitBytes[] = {1024, 512, 128, 16};  // ql, qh, scales, d (one per two units)

  template <int kChunk>
  WORD static I8 word(const std::byte* const* plane, std::int64_t unit, int part, int i) {
    const I8 nibbles = load_words(plane[0] + unit * 1024 + kChunk % 2 * 512 + part * 4 * kLanes + 64 * i);
    const I8 bits = load_words(plane[1] + unit * 512 + part * 4 * kLanes + 64 * i);
    const I8 low4 = (kChunk < 2 ? nibbles : shift_right<4>(nibbles)) & 0x0f;
    // Chunk c has its two high bits at 2 c; they belong at 4.
    const I8 moved = kChunk < 2    ? shift_left < kChunk == 0 ? 4 : 2 > (bits)
                        : kChunk == 2 ? bits
                                   : shift_right<2>(bits);
    return low4 | (moved & 0x30);
  }

  template <int kChunk>
  WORD static void scales(const std::byte* const* plane, std::int64_t unit, int part, F32* s) {
    const F32 d = load_f16(reinterpret_cast<const std::uint16_t*>(plane[3] + unit / 2 * 32) + part * kLanes);
    const auto* p = reinterpret_cast<const std::int8_t*>(plane[2] + unit * 128 + kChunk * 32) + part * kLanes;
    s[0] = d * to_float(load_int8(p));
    s[1] = d * to_float(load_int8(p + 16));
  }
};
