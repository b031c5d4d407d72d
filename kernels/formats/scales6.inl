// Included into an ISA's region: the scales and minima of q4_k and q5_k, 16 rows at a time.

// The eight scales and minima of 256 k (kernels/formats/scales6.hpp), from three words of each row.
struct Scales6Of {
  const std::byte* words;   // [3][16 rows][4 B]
  const std::byte* halves;  // d, dmin [2][16 rows]
  int part;

  WORD I8 word(int i) const { return load_words(words + 64 * i + part * 4 * kLanes); }

  WORD F32 half(int i) const {
    return load_f16(reinterpret_cast<const std::uint16_t*>(halves + 32 * i) + part * kLanes);
  }

  template <int kChunk>
  WORD F32 scale() const {
    const I8 fields = kChunk < 4 ? word(0) & 0x3f : (word(2) & 0x0f) | (shift_right<2>(word(0)) & 0x30);
    return half(0) * to_float(byte_of<kChunk % 4>(fields));
  }

  template <int kChunk>
  WORD F32 minimum() const {
    const I8 fields =
        kChunk < 4 ? word(1) & 0x3f : (shift_right<4>(word(2)) & 0x0f) | (shift_right<2>(word(1)) & 0x30);
    return half(1) * to_float(byte_of<kChunk % 4>(fields));
  }
};
