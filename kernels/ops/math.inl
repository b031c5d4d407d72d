// Included into an ISA's region: exp and tanh, to about one unit in the last place, without libm.

// e^x: x = n ln2 + r, |r| <= ln2 / 2; e^r by a degree-6 polynomial from Chebyshev nodes (relative
// error 1.1e-8). ln2 in two floats, the first with 15 bits so that n times it is exact. Results under the
// smallest normal float become 0 (workers flush denormals anyway), over the largest one stay finite.
WORD F32 exp(F32 x) {
  const F32 clamped = smallest(largest(x, all(-87.3365447F)), all(88.0296919F));  // n in -126..127
  const I32 n = nearest(clamped * all(1.44269502F));
  const F32 whole = to_float(n);
  F32 r = fmadd(whole, all(-0.693145752F), clamped);
  r = fmadd(whole, all(-1.42860677e-06F), r);
  F32 p = all(0.00139262131F);
  p = fmadd(p, r, all(0.00836320315F));
  p = fmadd(p, r, all(0.0416665561F));
  p = fmadd(p, r, all(0.166665763F));
  p = fmadd(p, r, all(0.5F));
  const F32 e = (fmadd(p, r * r, r) + all(1.0F)) * power_of_two(n);
  return where_less(x, all(-87.3365447F), all(0.0F), e);
}

// tanh x: below 0.625 the odd polynomial x + x^3 p(x^2) from Chebyshev nodes (relative error 1.7e-8), above
// it 1 - 2 / (e^2x + 1), where the difference cancels nothing.
WORD F32 tanh(F32 x) {
  const F32 size = magnitude(x);
  const F32 square = x * x;
  F32 p = all(-0.00609671418F);
  p = fmadd(p, square, all(0.0209971797F));
  p = fmadd(p, square, all(-0.0538509078F));
  p = fmadd(p, square, all(0.133327693F));
  p = fmadd(p, square, all(-0.333333284F));
  const F32 small = fmadd(p, square * x, x);
  const F32 big = all(1.0F) - all(2.0F) / (exp(size + size) + all(1.0F));
  return where_less(size, all(0.625F), small, with_sign_of(big, x));
}

// x / (1 + e^-2u) is x (1 + tanh u) / 2 without its cancellation for negative u.
WORD F32 gelu_tanh(F32 x) {
  // -2 sqrt(2/pi) (x + 0.044715 x^3)
  const F32 minus_2u = x * fmadd(x * x, all(-0.0713548163F), all(-1.59576912F));
  return x / (all(1.0F) + exp(minus_2u));
}

WORD F32 silu(F32 x) { return x / (all(1.0F) + exp(all(0.0F) - x)); }

WORD F32 gated_by(Activation activation, F32 gate, F32 up) {
  if (activation == Activation::gelu_tanh) return gelu_tanh(gate) * up;
  if (activation == Activation::silu) return silu(gate) * up;
  const F32 g = smallest(gate, all(kSwigluLimit));
  const F32 u = largest(smallest(up, all(kSwigluLimit)), all(-kSwigluLimit));
  return g / (all(1.0F) + exp(g * all(-kSwigluAlpha))) * (u + all(1.0F));
}
