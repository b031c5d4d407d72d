// Included into the region of AMX: the words of tile registers, which are known by number. The compiler knows
// nothing of what they hold, so all words are volatile and keep their order.

WORD void tile_shapes(const TileShapes& shapes) { asm volatile("ldtilecfg %0" ::"m"(shapes)); }

// Gives the registers back: the system saves no tiles of a thread that holds none.
WORD void tile_release() { asm volatile("tilerelease"); }

template <int kTile>
WORD void tile_zero() {
  asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
}

// Row r comes from p + r * stride.
template <int kTile>
WORD void tile_load(const void* p, std::int64_t stride) {
  asm volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"i"(kTile), "r"(p), "r"(stride) : "memory");
}

template <int kTile>
WORD void tile_store(void* p, std::int64_t stride) {
  asm volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"i"(kTile), "r"(p), "r"(stride) : "memory");
}

// sum[m][n] += the products of four signed bytes each, a[m][4k..] and b[k][4n..].
template <int kSum, int kA, int kB>
WORD void tile_dot_int8() {
  asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
}

// The same of two BF16 each.
template <int kSum, int kA, int kB>
WORD void tile_dot_bf16() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
}
