// Everything between the products: quantising activations, norms, RoPE, sums, the soft cap.
#pragma once

#include <cstdint>

#include "kernels/ops/moe.hpp"

namespace oldiron {

/// A block whose scale would be denormal (workers flush those) counts as zero: scale 0, every q 0.
inline constexpr float kSmallestScale = 0x1p-126F;

/// Quantises one column to int8 per 32: scale = max|x| / 127, q = round(x / scale) to nearest even, sum per 16 exact.
/// Returns false, and writes nothing useful, if any value is not finite: the caller refuses the step.
/// Shapes: x [k], q [k], scale [k/32], sum [k/16]. Needs: k % 32 == 0.
using QuantizeFn = bool (*)(const float* x, std::int64_t k, std::int8_t* q, float* scale, std::int32_t* sum);

/// y = x / sqrt(mean(x^2) + eps) * w; w null: weightless. y may be x. The sum runs in a fixed order (lane sums, then tree).
using RmsNormFn = void (*)(const float* x, const float* w, float eps, std::int64_t k, float* y);

/// y += x * scale.
using AddScaledFn = void (*)(const float* x, float scale, std::int64_t k, float* y);

/// x *= scale.
using ScaleFn = void (*)(float* x, float scale, std::int64_t k);

/// Rotates pairs (i, i + n_rot/2) of one head by the angles whose cosines and sines are given [n_rot/2].
using RopeFn = void (*)(float* head, const float* cos, const float* sin, std::int64_t n_rot);

/// x = cap * tanh(x / cap).
using SoftcapFn = void (*)(float* x, float cap, std::int64_t k);

/// y = activation(gate, up), as gated products do it; y may be gate.
using GluFn = void (*)(const float* gate, const float* up, Activation activation, std::int64_t k, float* y);

bool quantize_reference(const float* x, std::int64_t k, std::int8_t* q, float* scale, std::int32_t* sum);
void rms_norm_reference(const float* x, const float* w, float eps, std::int64_t k, float* y);
void add_scaled_reference(const float* x, float scale, std::int64_t k, float* y);
void scale_reference(float* x, float scale, std::int64_t k);
void rope_reference(float* head, const float* cos, const float* sin, std::int64_t n_rot);
void softcap_reference(float* x, float cap, std::int64_t k);
void glu_reference(const float* gate, const float* up, Activation activation, std::int64_t k, float* y);

}  // namespace oldiron
