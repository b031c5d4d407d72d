// Included into an ISA's region: every word that the shared bodies use, with its meaning, and a check that
// the ISA has it.
//
// constants
//   kLanes         floats of a native vector; a row group of 16 is kParts of them
//   kSignedOffset  what as_operand() adds to signed bytes (128 where dot4 wants unsigned ones, else 0)
//   kWordsAtOnce   words of a column that one dot4 should take before the next column's turn
//   kPanelVectors  native vectors of rows that share each column's words in a tile of a panel
//   kPanelTile     columns of such a tile; kPanelTileOf2: of formats with two scales per 32 k
//   kPanelHoldsFloats  the tile's results stay in registers from block to block, else in L1
//   kTileColumns   columns whose accumulators fit the registers; kFloatColumns: with F32 activations,
//                  kRowColumns: of plain rows
// types
//   F32, I32       kLanes floats, 32-bit integers
//   I8             kLanes words of four consecutive k: 4 kLanes bytes
//   Sums<Unpack>   s = from(start); s.add(w, x) up to kWords times; s.onto(start): as many dot4<kMax, 1> from start.
//                  It may ask for another start, which start(x) makes from the activations of a scale
constexpr int kParts = 16 / kLanes;

static_assert(kParts * kLanes == 16);

// Products on plain rows take 32 k of kVectorRows rows at a time, in kBlockVectors vectors. A vector has
// kVectorBytes of one row, then those of the next, which lies `stride` elements behind it in memory; what is
// said of a row holds in all lanes of that row.
constexpr int kVectorRows = kLanes > 8 ? kLanes / 8 : 1;
constexpr int kBlockVectors = kLanes < 8 ? 8 / kLanes : 1;
constexpr int kVectorBytes = 32 / kBlockVectors;
// clang-format off
static_assert(requires(F32 f, I32 i, I8 w, float* floats, const float* cfloats, const std::uint16_t* chalves,
                       std::uint16_t* halves, std::int8_t* int8s, const std::uint8_t* bytes_of_table,
                       const std::byte* bytes, std::int64_t stride, std::uint64_t* sums) {
  { all(1.0F) } -> std::same_as<F32>;
  { load(cfloats) } -> std::same_as<F32>;
  store(floats, f);
  store_past(floats, f);                            // past the caches; aligned to the vector
  { load_f16(chalves) } -> std::same_as<F32>;
  { load_bf16(chalves) } -> std::same_as<F32>;
  store_f16(halves, f);                             // to nearest even
  store_bf16(halves, f);                            // to nearest even
  { all_f16(chalves) } -> std::same_as<F32>;        // one half, in every lane
  { f + f } -> std::same_as<F32>;
  { f - f } -> std::same_as<F32>;
  { f * f } -> std::same_as<F32>;
  { f / f } -> std::same_as<F32>;
  { fmadd(f, f, f) } -> std::same_as<F32>;          // first * second + third
  { largest(f, f) } -> std::same_as<F32>;
  { smallest(f, f) } -> std::same_as<F32>;
  { where_less(f, f, f, f) } -> std::same_as<F32>;  // the third where first < second, else the fourth
  { magnitude(f) } -> std::same_as<F32>;
  { with_sign_of(f, f) } -> std::same_as<F32>;      // first, which is >= 0, with the sign of the second
  { sum(f) } -> std::same_as<float>;                // of the lanes, as a tree
  { sum_each(&f) } -> std::same_as<F32>;            // lane i: sum() of the i-th of kLanes vectors
  { largest(f) } -> std::same_as<float>;

  { all(1) } -> std::same_as<I32>;
  { load_int8(int8s) } -> std::same_as<I32>;
  { low_nibbles(bytes) } -> std::same_as<I32>;      // of kLanes bytes, 0..15
  { high_nibbles(bytes) } -> std::same_as<I32>;
  store_int8(int8s, i);                             // lanes in -128..127
  { i + i } -> std::same_as<I32>;
  { i - i } -> std::same_as<I32>;
  { largest(i, i) } -> std::same_as<I32>;
  { sum(i) } -> std::same_as<std::int32_t>;
  { largest(i) } -> std::same_as<std::int32_t>;
  { to_float(i) } -> std::same_as<F32>;
  { nearest(f) } -> std::same_as<I32>;              // to nearest even
  { magnitude_bits(f) } -> std::same_as<I32>;       // without the sign: ordered like |x|, then infinity, then NaN
  { power_of_two(i) } -> std::same_as<F32>;         // -126 <= i <= 127

  { load_words(bytes) } -> std::same_as<I8>;
  { w & 0x0f } -> std::same_as<I8>;                 // every byte
  { w | w } -> std::same_as<I8>;
  { looked_up(w, bytes_of_table) } -> std::same_as<I8>;  // every byte, which is 0..15, as an index into sixteen
  { shift_left<2>(w) } -> std::same_as<I8>;         // the 32-bit words: mask afterwards
  { shift_right<2>(w) } -> std::same_as<I8>;
  { as_operand(w) } -> std::same_as<I8>;            // signed bytes as the weights of dot4<kSigned>
  { dot4<15, 8>(i, &w, int8s) } -> std::same_as<I32>;       // i + 8 words' products with four int8 each; weights <= 15
  { dot4<kSigned, 8>(i, &w, int8s) } -> std::same_as<I32>;  // the same, weights made by as_operand()
  { byte_of<0>(w) } -> std::same_as<I32>;           // of every word, unsigned
  { signed_byte_of<0>(w) } -> std::same_as<I32>;

  { all_bytes(8) } -> std::same_as<I8>;
  { load_rows(bytes, stride) } -> std::same_as<I8>;
  { load_nibbles<0>(bytes, stride) } -> std::same_as<I8>;   // vector 0 of 16 bytes' low nibbles, then the high ones
  { all_rows(int8s) } -> std::same_as<I8>;                  // the same for every row
  { dot<15>(i, w, w) } -> std::same_as<I32>;                // as dot4, lane by lane
  { dot<kSigned>(i, w, w) } -> std::same_as<I32>;
  { load_rows(cfloats, stride) } -> std::same_as<F32>;      // one float per lane
  { all_rows(cfloats) } -> std::same_as<F32>;
  { spread(cfloats, stride) } -> std::same_as<F32>;         // one float per row
  { spread_pairs<0>(cfloats, stride) } -> std::same_as<F32>;  // two per row: vector 0 of one for its first 16 k, one for the others
  { spread_f16(bytes, stride) } -> std::same_as<F32>;       // one half per row
  row_sums(f, floats);                                      // kVectorRows floats

  add_stream(sums, bytes);                          // 512 bytes, as 64-bit words, on eight running sums
});
// clang-format on
