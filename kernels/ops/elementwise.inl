// Included into an ISA's region: quantising, norms, RoPE, sums, the soft cap.

// Calls f(i, n): full vectors (n == kLanes), then what is left.
template <class F>
WORD void in_vectors(std::int64_t k, F f) {
  std::int64_t i = 0;
  for (; i + kLanes <= k; i += kLanes) f(i, kLanes);
  if (i < k) f(i, static_cast<int>(k - i));
}

WORD F32 load(const float* p, int n) {
  if (n == kLanes) return load(p);
  float padded[kLanes] = {};
  for (int i = 0; i < n; ++i) padded[i] = p[i];
  return load(padded);
}

WORD void store(float* p, F32 x, int n) {
  if (n == kLanes) return store(p, x);
  float padded[kLanes];
  store(padded, x);
  for (int i = 0; i < n; ++i) p[i] = padded[i];
}

// The same float operations in the same order as quantize_reference, hence the same bytes on every ISA.
bool quantize(const float* x, std::int64_t k, std::int8_t* q, float* scale, std::int32_t* sums) {
  constexpr int kVectors = 32 / kLanes;
  constexpr std::int32_t kInfinity = 0x7f800000;
  I32 worst = all(0);
  for (std::int64_t block = 0; block < k / 32; ++block) {
    F32 values[kVectors];
    I32 top = all(0);
#pragma GCC unroll 8
    for (int i = 0; i < kVectors; ++i) {
      values[i] = load(x + 32 * block + i * kLanes);
      top = largest(top, magnitude_bits(values[i]));
    }
    worst = largest(worst, top);
    const std::int32_t top_bits = largest(top);
    if (top_bits >= kInfinity) return false;
    float d = std::bit_cast<float>(top_bits) / 127.0F;
    const bool tiny = d < kSmallestScale;
    if (tiny) d = 0;
    const F32 inverse = all(tiny ? 0.0F : 1.0F / d);
    scale[block] = d;
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      I32 total = all(0);
#pragma GCC unroll 4
      for (int i = half * kParts; i < (half + 1) * kParts; ++i) {
        const I32 rounded = nearest(values[i] * inverse);
        store_int8(q + 32 * block + i * kLanes, rounded);
        total = total + rounded;
      }
      sums[2 * block + half] = sum(total);
    }
  }
  return true;
}

void rms_norm(const float* x, const float* w, float eps, std::int64_t k, float* y) {
  constexpr int kChains = 4;
  F32 squares[kChains] = {all(0.0F), all(0.0F), all(0.0F), all(0.0F)};
  std::int64_t i = 0;
  for (; i + kChains * kLanes <= k; i += kChains * kLanes) {
#pragma GCC unroll 4
    for (int c = 0; c < kChains; ++c) {
      const F32 v = load(x + i + c * kLanes);
      squares[c] = fmadd(v, v, squares[c]);
    }
  }
  in_vectors(k - i, [&](std::int64_t at, int n) {
    const F32 v = load(x + i + at, n);
    squares[0] = fmadd(v, v, squares[0]);
  });
  const float mean = sum((squares[0] + squares[1]) + (squares[2] + squares[3])) / static_cast<float>(k);
  const F32 factor = all(1.0F / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean + eps))));
  if (w == nullptr) {
    in_vectors(k, [&](std::int64_t at, int n) { store(y + at, load(x + at, n) * factor, n); });
  } else {
    in_vectors(k,
               [&](std::int64_t at, int n) { store(y + at, load(x + at, n) * factor * load(w + at, n), n); });
  }
}

void add_scaled(const float* x, float scale, std::int64_t k, float* y) {
  in_vectors(k, [&](std::int64_t at, int n) {
    store(y + at, fmadd(load(x + at, n), all(scale), load(y + at, n)), n);
  });
}

void scale_by(float* x, float scale, std::int64_t k) {
  in_vectors(k, [&](std::int64_t at, int n) { store(x + at, load(x + at, n) * all(scale), n); });
}

void rope(float* head, const float* cosines, const float* sines, std::int64_t n_rot) {
  float* second = head + n_rot / 2;
  in_vectors(n_rot / 2, [&](std::int64_t at, int n) {
    const F32 a = load(head + at, n);
    const F32 b = load(second + at, n);
    const F32 c = load(cosines + at, n);
    const F32 s = load(sines + at, n);
    store(head + at, a * c - b * s, n);
    store(second + at, fmadd(a, s, b * c), n);
  });
}

void softcap(float* x, float cap, std::int64_t k) {
  in_vectors(k,
             [&](std::int64_t at, int n) { store(x + at, all(cap) * tanh(load(x + at, n) / all(cap)), n); });
}

void glu(const float* gate, const float* up, Activation activation, std::int64_t k, float* y) {
  in_vectors(k, [&](std::int64_t at, int n) {
    store(y + at, gated_by(activation, load(gate + at, n), load(up + at, n)), n);
  });
}
