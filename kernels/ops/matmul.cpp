// The obvious matrix products, row by row in double: what every fast kernel is compared with.
#include "kernels/ops/matmul.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/check.hpp"
#include "kernels/formats/format.hpp"
#include "kernels/ops/moe.hpp"

namespace oldiron {
namespace {

/// One plain row of a matrix in either layout.
void plain_row(TensorType type, Layout layout, const std::byte* w, std::int64_t k, std::int64_t row,
               std::vector<std::byte>& out) {
  const std::int64_t bytes = row_bytes(type, k);
  out.resize(static_cast<std::size_t>(bytes));
  if (layout == Layout::rows) {
    out.assign(w + row * bytes, w + (row + 1) * bytes);
  } else {
    unpack_row(type, w + row / kGroupRows * kGroupRows * bytes, k, static_cast<int>(row % kGroupRows),
               out.data());
  }
}

/// Row times column `column` of x.
double dot(TensorType type, const std::vector<std::byte>& row, std::int64_t k, const Activations& x,
           std::int64_t column, bool with_f32) {
  if (!with_f32 && !is_float(type)) {
    return format(type)->dot_q8(row.data(), x.q + column * x.q_stride, x.scale + column * x.scale_stride, k);
  }
  std::vector<float> weights(static_cast<std::size_t>(k));
  format(type)->dequantise(row.data(), k, weights.data());
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    sum += static_cast<double>(weights[i]) *
           static_cast<double>(x.f32[column * x.f32_stride + static_cast<std::int64_t>(i)]);
  }
  return sum;
}

std::int64_t mapped(const std::int32_t* map, std::int64_t column) {
  return map == nullptr ? column : map[column];
}

}  // namespace

double gated_by_reference(Activation activation, double gate, double up) {
  if (activation == Activation::silu) return gate / (1 + std::exp(-gate)) * up;
  if (activation == Activation::swiglu_oai) {
    const double limit = double{kSwigluLimit};
    const double g = std::min(gate, limit);
    return g / (1 + std::exp(-double{kSwigluAlpha} * g)) * (std::clamp(up, -limit, limit) + 1);
  }
  constexpr double kRoot2OverPi = 0.79788456080286535588;
  // x (1 + tanh u) / 2, written so that negative u cancel nothing.
  return gate / (1 + std::exp(-2 * kRoot2OverPi * (gate + 0.044715 * gate * gate * gate))) * up;
}

void matmul_reference(const MatmulArgs& a, bool with_f32) {
  CHECK(format(a.type) != nullptr, "the reference needs the definition of the format");
  std::vector<std::byte> row;
  for (std::int64_t r = a.row_begin; r < a.row_end; ++r) {
    plain_row(a.type, a.layout, a.w, a.k, r, row);
    for (std::int64_t c = 0; c < a.n; ++c) {
      a.y[mapped(a.y_column, c) * a.y_stride + r] =
          static_cast<float>(dot(a.type, row, a.k, a.x, mapped(a.x_column, c), with_f32));
    }
  }
}

void gated_reference(const GatedArgs& a, bool with_f32) {
  CHECK(format(a.type) != nullptr, "the reference needs the definition of the format");
  std::vector<std::byte> gate;
  std::vector<std::byte> up;
  for (std::int64_t r = a.row_begin; r < a.row_end; ++r) {
    plain_row(a.type, a.layout, a.gate, a.k, r, gate);
    plain_row(a.type, a.layout, a.up, a.k, r, up);
    for (std::int64_t c = 0; c < a.n; ++c) {
      const std::int64_t x = mapped(a.x_column, c);
      a.h[mapped(a.y_column, c) * a.h_stride + r] =
          static_cast<float>(gated_by_reference(a.activation, dot(a.type, gate, a.k, a.x, x, with_f32),
                                                dot(a.type, up, a.k, a.x, x, with_f32)));
    }
  }
}

}  // namespace oldiron
