// Products on plain GGUF rows, for the formats that have no packed layout yet: correct, in plain C++, one row
// at a time.
#include <algorithm>
#include <cmath>
#include <span>

#include "kernels/formats/format.hpp"
#include "kernels/registry.hpp"

namespace oldiron {

std::span<const Kernel> rows_table();

namespace {

constexpr std::int64_t kPiece = 256;  // weights dequantised at a time: every block size divides it

/// Row times column in double. F32 activations meet dequantised pieces, int8 ones the format's exact
/// integers.
template <bool kWithF32>
float dot(const Format& format, const std::byte* row, std::int64_t k, const Activations& x,
          std::int64_t column) {
  if constexpr (!kWithF32) {
    return static_cast<float>(
        format.dot_q8(row, x.q + column * x.q_stride, x.scale + column * x.scale_stride, k));
  } else {
    const float* values = x.f32 + column * x.f32_stride;
    float weights[kPiece];
    double sum = 0;
    for (std::int64_t begin = 0; begin < k; begin += kPiece) {
      const std::int64_t count = std::min(kPiece, k - begin);
      format.dequantise(row + row_bytes(format.type, begin), count, weights);
      for (std::int64_t i = 0; i < count; ++i) {
        sum += static_cast<double>(weights[i]) * static_cast<double>(values[begin + i]);
      }
    }
    return static_cast<float>(sum);
  }
}

std::int64_t mapped(const std::int32_t* map, std::int64_t column) {
  return map == nullptr ? column : map[column];
}

template <bool kWithF32>
void matmul(const MatmulArgs& a) {
  const Format& definition = *format(a.type);
  const std::int64_t stride = row_bytes(a.type, a.k);
  for (std::int64_t r = a.row_begin; r < a.row_end; ++r) {
    for (std::int64_t c = 0; c < a.n; ++c) {
      a.y[mapped(a.y_column, c) * a.y_stride + r] =
          dot<kWithF32>(definition, a.w + r * stride, a.k, a.x, mapped(a.x_column, c));
    }
  }
}

float activated(Activation activation, float x) {
  const double v = static_cast<double>(x);
  constexpr double kRoot8OverPi = 1.59576912160573071176;
  const double t = activation == Activation::silu ? v : kRoot8OverPi * (v + 0.044715 * v * v * v);
  return static_cast<float>(v / (1 + std::exp(-t)));
}

template <bool kWithF32>
void gated(const GatedArgs& a) {
  const Format& definition = *format(a.type);
  const std::int64_t stride = row_bytes(a.type, a.k);
  for (std::int64_t r = a.row_begin; r < a.row_end; ++r) {
    for (std::int64_t c = 0; c < a.n; ++c) {
      const std::int64_t column = mapped(a.x_column, c);
      const float gate = dot<kWithF32>(definition, a.gate + r * stride, a.k, a.x, column);
      const float up = dot<kWithF32>(definition, a.up + r * stride, a.k, a.x, column);
      a.h[mapped(a.y_column, c) * a.h_stride + r] = activated(a.activation, gate) * up;
    }
  }
}

#define ROWS(type)                                                              \
  {Op::matmul, TensorType::type,        Layout::rows,           Isa::scalar,    \
   "rows",     Contract::exact_integer, MatmulFn{matmul<false>}},               \
      {Op::matmul,        TensorType::type, Layout::rows,          Isa::scalar, \
       "f32_activations", Contract::f32,    MatmulFn{matmul<true>}},            \
      {Op::gated, TensorType::type,        Layout::rows,         Isa::scalar,   \
       "rows",    Contract::exact_integer, GatedFn{gated<false>}},              \
      {Op::gated,         TensorType::type, Layout::rows,        Isa::scalar,   \
       "f32_activations", Contract::f32,    GatedFn{gated<true>}},

constexpr Kernel kTable[] = {ROWS(q5_0) ROWS(q4_k) ROWS(q5_k)};

}  // namespace

std::span<const Kernel> rows_table() { return kTable; }

}  // namespace oldiron
