// Included into an ISA's region. How plain GGUF rows become words of dot(): 32 k of kVectorRows rows that lie
// `stride` bytes apart, in kBlockVectors vectors. Scales are read once per block of the format.

// A half per block, at its beginning.
struct HalfPerBlock {
  WORD void read(const std::byte*, std::int64_t) {}

  template <int kChunk, int kVector>
  WORD F32 scale(const std::byte* p, std::int64_t stride) const {
    return spread_f16(p, stride);
  }
};

struct Q4_0Rows {
  static constexpr TensorType kType = TensorType::q4_0;
  static constexpr int kMax = 15, kOffset = 8;
  static constexpr int kChunks = 1;  // of 32 k per block
  static constexpr int kBytes = 18;  // of a block
  using Scales = HalfPerBlock;

  template <int kChunk, int kVector>
  WORD static I8 words(const std::byte* p, std::int64_t stride) {
    return load_nibbles<kVector>(p + 2, stride);
  }
};

struct Q8_0Rows {
  static constexpr TensorType kType = TensorType::q8_0;
  static constexpr int kMax = kSigned, kOffset = kSignedOffset;
  static constexpr int kChunks = 1;
  static constexpr int kBytes = 34;
  using Scales = HalfPerBlock;

  template <int kChunk, int kVector>
  WORD static I8 words(const std::byte* p, std::int64_t stride) {
    return as_operand(load_rows(p + 2 + kVector * kVectorBytes, stride));
  }
};

struct Q4_KRows {
  static constexpr TensorType kType = TensorType::q4_k;
  static constexpr int kMax = 15, kOffset = 0;
  static constexpr bool kMinimum = true;
  static constexpr int kChunks = 8;
  static constexpr int kBytes = 144;

  struct Scales {
    alignas(64) float value[kVectorRows][16];  // d times eight scales, dmin times eight minima

    // Four fields of six bits at a time, see kernels/formats/scales6.hpp.
    WORD void read(const std::byte* p, std::int64_t stride) {
#pragma GCC unroll 2
      for (int row = 0; row < kVectorRows; ++row, p += stride) {
        std::uint32_t in[3];
        std::memcpy(in, p + 4, sizeof in);
        const std::uint32_t fields[4] = {in[0] & 0x3f3f3f3f, (in[2] & 0x0f0f0f0f) | (in[0] >> 2 & 0x30303030),
                                         in[1] & 0x3f3f3f3f,
                                         (in[2] >> 4 & 0x0f0f0f0f) | (in[1] >> 2 & 0x30303030)};
        alignas(16) std::int8_t bytes[16];
        std::memcpy(bytes, fields, sizeof bytes);
        float factor[kLanes];  // d, dmin, and whatever follows them in the block
        store(factor, load_f16(reinterpret_cast<const std::uint16_t*>(p)));
#pragma GCC unroll 4
        for (int i = 0; i < 16; i += kLanes) {
          store(&value[row][i], to_float(load_int8(bytes + i)) * spread(factor + i / 8, 1));
        }
      }
    }

    template <int kChunk, int kVector>
    WORD F32 scale(const std::byte*, std::int64_t) const {
      return spread(&value[0][kChunk], 16);
    }

    template <int kVector>
    WORD F32 minima() const {
      return load_rows(&value[0][8 + kVector * kLanes], 16);
    }
  };

  template <int kChunk, int kVector>
  WORD static I8 words(const std::byte* p, std::int64_t stride) {
    const I8 both = load_rows(p + 16 + kChunk / 2 * 32 + kVector * kVectorBytes, stride);
    return (kChunk % 2 == 0 ? both : shift_right<4>(both)) & 0x0f;
  }
};

struct Q6_KRows {
  static constexpr TensorType kType = TensorType::q6_k;
  static constexpr int kMax = 63, kOffset = 32;
  static constexpr int kChunks = 8;
  static constexpr int kBytes = 210;

  struct Scales {
    alignas(64) float value[kVectorRows][16];  // d times the scale of every 16 k

    WORD void read(const std::byte* p, std::int64_t stride) {
#pragma GCC unroll 2
      for (int row = 0; row < kVectorRows; ++row, p += stride) {
        const F32 d = spread_f16(p + 208, 0);
#pragma GCC unroll 4
        for (int i = 0; i < 16; i += kLanes) {
          store(&value[row][i], d * to_float(load_int8(reinterpret_cast<const std::int8_t*>(p + 192 + i))));
        }
      }
    }

    template <int kChunk, int kVector>
    WORD F32 scale(const std::byte*, std::int64_t) const {
      return spread_pairs<kVector>(&value[0][2 * kChunk], 16);
    }
  };

  // As in kernels/formats/q6_k.inl, with the halves of 128 k beside each other.
  template <int kChunk, int kVector>
  WORD static I8 words(const std::byte* p, std::int64_t stride) {
    constexpr int kHalf = kChunk / 4, kQuarter = kChunk % 4;
    const std::byte* low = p + 64 * kHalf + 32 * (kQuarter % 2) + kVector * kVectorBytes;
    const I8 nibbles = load_rows(low, stride);
    const I8 bits = load_rows(p + 128 + 32 * kHalf + kVector * kVectorBytes, stride);
    const I8 low4 = (kQuarter < 2 ? nibbles : shift_right<4>(nibbles)) & 0x0f;
    if constexpr (kQuarter < 2) {
      return low4 | (shift_left<4 - 2 * kQuarter>(bits) & 0x30);
    } else {
      return low4 | (shift_right<2 * kQuarter - 4>(bits) & 0x30);
    }
  }
};
