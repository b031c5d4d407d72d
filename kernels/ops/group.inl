// Included into an ISA's region: a packed group of 16 rows of a quantised format.

// Planes of a packed group, and fetching them ahead of use.
template <class Unpack>
struct Group {
  static constexpr int kPlanes = static_cast<int>(std::size(Unpack::kUnitBytes));
  static constexpr std::int64_t kUnitK = 32 * Unpack::kChunks;

  std::int64_t units, bytes;
  const std::byte* plane[kPlanes];

  WORD Group(const std::byte* group, std::int64_t group_bytes, std::int64_t k)
      : units(k / kUnitK), bytes(group_bytes) {
#pragma GCC unroll 4
    for (int i = 0; i < kPlanes; ++i) {
      plane[i] = group;
      group += units * Unpack::kUnitBytes[i];
    }
  }

  // Every plane the same number of units ahead, going on at the start of the next group's planes; of a
  // unit's lines those of one chunk, because all at once fill the core's queue of misses.
  template <int kChunk>
  WORD void prefetch(std::int64_t unit) const {
    constexpr int kSum = [] {
      int total = 0;
      for (const int b : Unpack::kUnitBytes) total += b;
      return total;
    }();
    constexpr std::int64_t kAhead = std::max(1, kPrefetchBytes / kSum);
    const bool next_group = unit + kAhead >= units;
#pragma GCC unroll 4
    for (int i = 0; i < kPlanes; ++i) {
      constexpr int kChunks = Unpack::kChunks;
      const std::int64_t stride = Unpack::kUnitBytes[i];
      const std::byte* p = plane[i] + (unit + kAhead) * stride + (next_group ? bytes - units * stride : 0);
      const int lines = (Unpack::kUnitBytes[i] + 63) / 64;
#pragma GCC unroll 16
      for (int line = kChunk * lines / kChunks; line < (kChunk + 1) * lines / kChunks; ++line)
        __builtin_prefetch(p + 64 * line);
    }
  }
};

// The eight words of a chunk.
template <class Unpack, int kChunk>
WORD void words_of(const Group<Unpack>& group, std::int64_t unit, int part, I8* w) {
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) w[i] = Unpack::template word<kChunk>(group.plane, unit, part, i);
}

// Weights of the format are scale * byte - minimum.
template <class Unpack>
constexpr bool kHasMinimum = requires {
  Unpack::kMinimum;
};
