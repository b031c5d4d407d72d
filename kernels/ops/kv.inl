// Included into an ISA's region: the types that keys and values are kept in, read as floats, and written.

/// How one type is read: a unit is the smallest piece whose floats begin at a whole byte and fill whole
/// vectors.
template <class Word, F32 (*kLoad)(const Word*)>
struct PlainCache {
  static constexpr std::int64_t kUnit = kLanes;
  static constexpr std::int64_t kUnitBytes = kLanes * static_cast<std::int64_t>(sizeof(Word));

  WORD static void widen(const std::byte* p, F32* out) { out[0] = kLoad(reinterpret_cast<const Word*>(p)); }
};

using F32Cache = PlainCache<float, load>;
using F16Cache = PlainCache<std::uint16_t, load_f16>;
using Bf16Cache = PlainCache<std::uint16_t, load_bf16>;

struct Q8Cache {
  static constexpr std::int64_t kUnit = 32;
  static constexpr std::int64_t kUnitBytes = 34;

  WORD static void widen(const std::byte* p, F32* out) {
    const F32 d = all_f16(reinterpret_cast<const std::uint16_t*>(p));
#pragma GCC unroll 8
    for (int i = 0; i < 32 / kLanes; ++i) {
      out[i] = to_float(load_int8(reinterpret_cast<const std::int8_t*>(p + 2 + i * kLanes))) * d;
    }
  }
};

struct Q4Cache {
  static constexpr std::int64_t kUnit = 32;
  static constexpr std::int64_t kUnitBytes = 18;

  WORD static void widen(const std::byte* p, F32* out) {
    const F32 d = all_f16(reinterpret_cast<const std::uint16_t*>(p));
#pragma GCC unroll 4
    for (int i = 0; i < kParts; ++i) {
      out[i] = to_float(low_nibbles(p + 2 + i * kLanes) + all(-8)) * d;
      out[kParts + i] = to_float(high_nibbles(p + 2 + i * kLanes) + all(-8)) * d;
    }
  }
};

constexpr std::int64_t kStoreFloats = 256;  // quantised at a time
constexpr std::uint16_t kHalfNan = 0x7e00;

/// A row with a value that is not finite becomes NaN as a whole: the step that reads it is refused.
void store_nan_blocks(TensorType type, std::int64_t n, std::byte* out) {
  const std::int64_t bytes = info(type).block_bytes;
  std::memset(out, 0, static_cast<std::size_t>(n / 32 * bytes));
  for (std::int64_t block = 0; block < n / 32; ++block) std::memcpy(out + block * bytes, &kHalfNan, 2);
}

void store_q8_0(const float* x, std::int64_t n, std::byte* out) {
  std::int8_t q[kStoreFloats];
  float scale[kStoreFloats / 32];
  std::int32_t sums[kStoreFloats / 16];
  for (std::int64_t at = 0; at < n; at += kStoreFloats) {
    const std::int64_t count = std::min(kStoreFloats, n - at);
    std::byte* blocks = out + at / 32 * Q8Cache::kUnitBytes;
    if (!quantize(x + at, count, q, scale, sums)) return store_nan_blocks(TensorType::q8_0, n, out);
    for (std::int64_t block = 0; block < count / 32; ++block, blocks += Q8Cache::kUnitBytes) {
      std::uint16_t d[kLanes];
      store_f16(d, all(scale[block]));
      std::memcpy(blocks, d, 2);
      std::memcpy(blocks + 2, q + 32 * block, 32);
    }
  }
}

// The same float operations as store_kv_reference.
void store_q4_0(const float* x, std::int64_t n, std::byte* out) {
  constexpr int kVectors = 32 / kLanes;
  for (std::int64_t block = 0; block < n / 32; ++block, x += 32) {
    I32 size = all(0);
    F32 top = load(x);
    F32 negated = all(0.0F) - top;
#pragma GCC unroll 8
    for (int i = 0; i < kVectors; ++i) {
      const F32 v = load(x + i * kLanes);
      size = largest(size, magnitude_bits(v));
      top = largest(top, v);
      negated = largest(negated, all(0.0F) - v);
    }
    if (largest(size) >= 0x7f800000) return store_nan_blocks(TensorType::q4_0, n, out - block * 18);
    const float most = largest(top);
    const float least = largest(negated);
    const float d = (most > least ? most : -least) / -8.0F;
    const F32 inverse = all(std::max(d, -d) < kSmallestScale ? 0.0F : 1.0F / d);
    std::int8_t q[32];
#pragma GCC unroll 8
    for (int i = 0; i < kVectors; ++i) {
      const F32 scaled = smallest(load(x + i * kLanes) * inverse, all(7.0F));
      store_int8(q + i * kLanes, nearest(scaled) + all(8));
    }
    std::uint16_t half[kLanes];
    store_f16(half, all(std::max(d, -d) < kSmallestScale ? 0.0F : d));
    std::memcpy(out, half, 2);
    for (int i = 0; i < 16; ++i) out[2 + i] = static_cast<std::byte>(q[i] | q[16 + i] << 4);
    out += 18;
  }
}

template <void (*kStore)(std::uint16_t*, F32)>
WORD void store_halves(const float* x, std::int64_t n, std::byte* out) {
  auto* half = reinterpret_cast<std::uint16_t*>(out);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) kStore(half + i, load(x + i));
  if (i < n) {
    std::uint16_t rest[kLanes];
    kStore(rest, load(x + i, static_cast<int>(n - i)));
    std::memcpy(half + i, rest, static_cast<std::size_t>(n - i) * sizeof *half);
  }
}

void store_kv(const float* x, std::int64_t n, TensorType kv_type, std::byte* out) {
  switch (kv_type) {
    case TensorType::f32:
      std::memcpy(out, x, static_cast<std::size_t>(n) * sizeof(float));
      return;
    case TensorType::f16:
      return store_halves<store_f16>(x, n, out);
    case TensorType::bf16:
      return store_halves<store_bf16>(x, n, out);
    case TensorType::q8_0:
      return store_q8_0(x, n, out);
    default:
      DCHECK(kv_type == TensorType::q4_0, "a type that keys and values are kept in");
      return store_q4_0(x, n, out);
  }
}
