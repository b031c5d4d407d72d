// Included into an ISA's region: one block of 32 k of kVectors vectors of rows by kColumns columns. Each word of a
// column is broadcast once for all vectors.
//
// Weights give word(vector, i), scale(vector, s) and minimum(vector); columns give q(column), their values in this
// block, and start(column, s) as Sums or the int32 sums want it. Their own scales are left to the caller.
template <class Unpack, int kVectors, int kColumns, class Weights, class Columns>
WORD void multiply_together(const Weights& weights, const Columns& x, F32 (&sum)[kVectors][kColumns]) {
  constexpr int kScales = Unpack::kScales;
  constexpr int kWords = 8 / kScales;
  constexpr int kStep = std::min(kWords, Sums<Unpack>::kWords);
#pragma GCC unroll 2
  for (int s = 0; s < kScales; ++s) {
    I32 i[kVectors][kColumns];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) {
        if constexpr (Unpack::kOffset != 0) i[v][c] = all(x.start(c, s));
        else i[v][c] = all(0);
      }
    }
#pragma GCC unroll 8
    for (int begin = s * kWords; begin < (s + 1) * kWords; begin += kStep) {
      Sums<Unpack> sums[kVectors][kColumns];
#pragma GCC unroll 8
      for (int word = begin; word < begin + kStep; ++word) {
        I8 w[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) w[v] = weights.word(v, word);
#pragma GCC unroll 16
        for (int c = 0; c < kColumns; ++c) {
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) {
            if (word == begin) sums[v][c] = Sums<Unpack>::from(i[v][c]);
            sums[v][c].add(w[v], x.q(c) + 4 * word);
          }
        }
      }
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) i[v][c] = sums[v][c].onto(i[v][c]);
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const F32 d = weights.scale(v, s);
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) sum[v][c] = s == 0 ? to_float(i[v][c]) * d : fmadd(to_float(i[v][c]), d, sum[v][c]);
    }
  }
  if constexpr (kHasMinimum<Unpack>) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const F32 minimum = weights.minimum(v);
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) sum[v][c] = fmadd(minimum, all(x.start(c, 0)), sum[v][c]);
    }
  }
}
