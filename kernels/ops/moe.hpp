// The first half of an expert (or of any gated feed-forward layer): gate and up in one pass, activation fused.
#pragma once

#include "kernels/ops/matmul.hpp"

namespace oldiron {

/// How an output g of the gate meets an output u of the up matrix: gelu_tanh(g) u, silu(g) u, or
/// g / (1 + e^(-1.702 g)) (u + 1) with g at most 7 and u within -7..7.
enum class Activation : std::uint8_t { gelu_tanh, silu, swiglu_oai };

inline constexpr float kSwigluAlpha = 1.702F;
inline constexpr float kSwigluLimit = 7;

/// h[c][r] = activation(gate_r x[c], up_r x[c]), rows r in [row_begin, row_end) of the expert's width; both matrices in
/// one buffer (gate rows first, as ffn_gate_up_exps) or in two.
///
/// Shapes: gate, up [width, k] in `layout`; h column y_column[c] (or c) starts at h + that * h_stride, floats.
/// Needs:  width % 16 == 0 in r16, so that `up` may point at group width/16 of a fused matrix.
/// Exact:  as MatmulArgs.
struct GatedArgs {
  TensorType type = TensorType::f32;
  Layout layout = Layout::r16;
  const std::byte* gate = nullptr;
  const std::byte* up = nullptr;
  std::int64_t width = 0, k = 0, n = 0;
  std::int64_t row_begin = 0, row_end = 0;
  Activation activation = Activation::gelu_tanh;
  Activations x;
  const std::int32_t* x_column = nullptr;
  const std::int32_t* y_column = nullptr;
  float* h = nullptr;
  std::int64_t h_stride = 0;

  double bytes() const {
    return 2.0 * static_cast<double>(row_bytes(type, k)) * static_cast<double>(row_end - row_begin);
  }

  double flops() const {
    return 4.0 * static_cast<double>(row_end - row_begin) * static_cast<double>(k) * static_cast<double>(n);
  }
};

double gated_by_reference(Activation activation, double gate, double up);

using GatedFn = void (*)(const GatedArgs&);
void gated_reference(const GatedArgs& args, bool with_f32);

}  // namespace oldiron
