// Included into an ISA's region: every word that the shared bodies use, with its meaning, and a check that
// the ISA has it.
//
// constants  kLanes          floats of a native vector; a row group of 16 is kParts of them
//            kSignedOffset   what as_operand() adds to signed bytes (128 where dot4 wants unsigned ones, else
//            0) kTileColumns    columns whose accumulators fit the registers, kFloatColumns likewise for F32
//            activations
// types      F32, I32        kLanes floats, 32-bit integers
//            I8              kLanes words of four consecutive k: 4 kLanes bytes
constexpr int kParts = 16 / kLanes;

static_assert(kParts * kLanes == 16);
static_assert(requires(F32 f, I32 i, I8 w, float* p, const float* cp, const std::uint16_t* h,
                       std::uint16_t* hp, std::int8_t* b, const std::int32_t* ip, std::int32_t* ipm,
                       const std::byte* bytes, std::uint64_t* u) {
  // Floats.
  { all(1.0F) } -> std::same_as<F32>;
  { load(cp) } -> std::same_as<F32>;
  store(p, f);
  { load_f16(h) } -> std::same_as<F32>;
  { load_bf16(h) } -> std::same_as<F32>;
  store_f16(hp, f);  // rounds to nearest even
  { f + f } -> std::same_as<F32>;
  { f - f } -> std::same_as<F32>;
  { f* f } -> std::same_as<F32>;
  { f / f } -> std::same_as<F32>;
  { fmadd(f, f, f) } -> std::same_as<F32>;  // a b + c
  { largest(f, f) } -> std::same_as<F32>;
  { smallest(f, f) } -> std::same_as<F32>;
  {
    where_less(f, f, f, f)
    } -> std::same_as<F32>;  // lanes of the third where first < second, else of the fourth
  { magnitude(f) } -> std::same_as<F32>;
  { with_sign_of(f, f) } -> std::same_as<F32>;  // first >= 0, sign of the second
  { sum(f) } -> std::same_as<float>;            // of the lanes, as a tree
  { largest(f) } -> std::same_as<float>;
  // Integers.
  { all(1) } -> std::same_as<I32>;
  { load(ip) } -> std::same_as<I32>;
  store(ipm, i);
  { load_int8(b) } -> std::same_as<I32>;
  store_int8(b, i);  // low byte of each lane
  { i + i } -> std::same_as<I32>;
  { i* i } -> std::same_as<I32>;  // low 32 bits
  { largest(i, i) } -> std::same_as<I32>;
  { sum(i) } -> std::same_as<std::int32_t>;
  { largest(i) } -> std::same_as<std::int32_t>;
  { pair_sums(i, i) } -> std::same_as<I32>;  // neighbours of the first added, then of the second
  { to_float(i) } -> std::same_as<F32>;
  { nearest(f) } -> std::same_as<I32>;  // to nearest even
  {
    magnitude_bits(f)
    } -> std::same_as<I32>;  // the float's bits without the sign: ordered like |x|, then inf, then NaN
  { power_of_two(i) } -> std::same_as<F32>;  // 2^i for -126 <= i <= 127
  // Packed words.
  { load_words(bytes) } -> std::same_as<I8>;
  { w & 0x0f } -> std::same_as<I8>;  // every byte
  { w | w } -> std::same_as<I8>;
  { shift_left<2>(w) } -> std::same_as<I8>;  // of the 32-bit words: mask afterwards
  { shift_right<2>(w) } -> std::same_as<I8>;
  { as_operand(w) } -> std::same_as<I8>;  // signed bytes as the weights of dot4<kSigned>
  {
    dot4<15, 8>(i, &w, b)
    } -> std::same_as<I32>;  // i + sum over 8 words of dot4(w, four of b); weights <= 15
  { dot4<kSigned, 8>(i, &w, b) } -> std::same_as<I32>;  // the same for weights made by as_operand()
  { byte_of<0>(w) } -> std::same_as<I32>;               // byte 0 of every word, unsigned
  { signed_byte_of<0>(w) } -> std::same_as<I32>;
  {add_stream(u, bytes)};  // eight running 64-bit sums over 512 bytes
});
