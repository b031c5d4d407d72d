// Included where kernels/isa/tile_words.inl would be: the same words on registers in memory, after the
// operation sections of Intel's manual.

struct EmulatedTiles {
  TileShapes shapes = {};
  std::uint8_t row[8][16][64] = {};

  int rows(int tile) const {
    CHECK(shapes.palette == 1 && shapes.rows[tile] > 0, "a tile instruction needs shapes");
    return shapes.rows[tile];
  }

  int bytes(int tile) const { return shapes.row_bytes[tile]; }
};

thread_local EmulatedTiles registers;

inline void tile_shapes(const TileShapes& shapes) {
  for (int tile = 0; tile < 8; ++tile) {
    CHECK(shapes.rows[tile] <= 16 && shapes.row_bytes[tile] <= 64 && shapes.row_bytes[tile] % 4 == 0,
          "palette 1");
  }
  registers = {};
  registers.shapes = shapes;
}

inline void tile_release() {
  registers = {};
  registers.shapes.palette = 0;
}

template <int kTile>
void tile_zero() {
  CHECK(registers.rows(kTile) > 0, "shapes");
  std::memset(registers.row[kTile], 0, sizeof registers.row[kTile]);
}

template <int kTile>
void tile_load(const void* p, std::int64_t stride) {
  const int rows = registers.rows(kTile);
  std::memset(registers.row[kTile], 0, sizeof registers.row[kTile]);
  for (int r = 0; r < rows; ++r) {
    std::memcpy(registers.row[kTile][r], static_cast<const char*>(p) + r * stride,
                static_cast<std::size_t>(registers.bytes(kTile)));
  }
}

template <int kTile>
void tile_store(void* p, std::int64_t stride) {
  for (int r = 0; r < registers.rows(kTile); ++r) {
    std::memcpy(static_cast<char*>(p) + r * stride, registers.row[kTile][r],
                static_cast<std::size_t>(registers.bytes(kTile)));
  }
}

// What the processor refuses with #UD: shapes that do not fit each other, and a tile in two roles.
template <int kSum, int kA, int kB>
void check_product() {
  static_assert(kSum != kA && kSum != kB && kA != kB);
  CHECK(registers.rows(kSum) == registers.rows(kA) && registers.bytes(kSum) == registers.bytes(kB) &&
            registers.bytes(kA) == 4 * registers.rows(kB),
        "the shapes of a tile product fit each other");
}

template <int kSum, int kA, int kB>
void tile_dot_int8() {
  check_product<kSum, kA, kB>();
  for (int m = 0; m < registers.rows(kSum); ++m) {
    std::int32_t sums[16];
    std::memcpy(sums, registers.row[kSum][m], sizeof sums);
    for (int k = 0; k < registers.bytes(kA) / 4; ++k) {
      for (int n = 0; n < registers.bytes(kSum) / 4; ++n) {
        for (int i = 0; i < 4; ++i) {
          const auto a = static_cast<std::int8_t>(registers.row[kA][m][4 * k + i]);
          const auto b = static_cast<std::int8_t>(registers.row[kB][k][4 * n + i]);
          sums[n] += a * b;
        }
      }
    }
    std::memcpy(registers.row[kSum][m], sums, sizeof sums);
  }
}

// Denormals, in and out, count as zeros of their sign.
inline float flushed(float x) { return std::fabs(x) < 0x1p-126F ? std::copysign(0.0F, x) : x; }

inline float from_bf16(const std::uint8_t* p) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, p, sizeof bits);
  return flushed(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
}

// Even and odd k in a chain of fused multiply-adds each, from zero; then their sum, then the sum with what
// the tile held. Rounding is to nearest even at each of these.
template <int kSum, int kA, int kB>
void tile_dot_bf16() {
  check_product<kSum, kA, kB>();
  for (int m = 0; m < registers.rows(kSum); ++m) {
    float chain[16][2] = {};
    for (int k = 0; k < registers.bytes(kA) / 4; ++k) {
      for (int n = 0; n < registers.bytes(kSum) / 4; ++n) {
        for (int i = 0; i < 2; ++i) {
          chain[n][i] = flushed(std::fma(from_bf16(&registers.row[kA][m][4 * k + 2 * i]),
                                         from_bf16(&registers.row[kB][k][4 * n + 2 * i]), chain[n][i]));
        }
      }
    }
    float sums[16];
    std::memcpy(sums, registers.row[kSum][m], sizeof sums);
    for (int n = 0; n < registers.bytes(kSum) / 4; ++n) {
      sums[n] = flushed(flushed(sums[n]) + flushed(chain[n][0] + chain[n][1]));
    }
    std::memcpy(registers.row[kSum][m], sums, sizeof sums);
  }
}
