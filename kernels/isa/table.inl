// Included into an ISA's region after its words: the shared bodies, and the rows of the table that they make.
#include "kernels/isa/vocabulary.inl"

// In order of use.
// clang-format off
#include "kernels/ops/math.inl"
#include "kernels/ops/elementwise.inl"
#include "kernels/ops/stream.inl"
#include "kernels/ops/kv.inl"
#include "kernels/ops/attention.inl"
#include "kernels/ops/job.inl"
#include "kernels/ops/group.inl"
#include "kernels/ops/product.inl"
#include "kernels/ops/together.inl"
#include "kernels/ops/matmul.inl"
#include "kernels/ops/rows.inl"
#include "kernels/ops/panel.inl"
#include "kernels/ops/entry.inl"
#include "kernels/formats/floats.inl"
#include "kernels/formats/q4_0.inl"
#include "kernels/formats/q4_1.inl"
#include "kernels/formats/q5_0.inl"
#include "kernels/formats/q5_1.inl"
#include "kernels/formats/mxfp4.inl"
#include "kernels/formats/scales6.inl"
#include "kernels/formats/q4_k.inl"
#include "kernels/formats/q5_k.inl"
#include "kernels/formats/q6_k.inl"
#include "kernels/formats/q8_0.inl"
#include "kernels/formats/rows.inl"

// clang-format on

template <class Policy>
constexpr Kernel matmul_row(const char* variant, Contract contract) {
  return {Op::matmul, Policy::kType, kPolicyLayout<Policy>, kIsa, variant, contract, MatmulFn{matmul<Policy>}};
}

template <class Policy>
constexpr Kernel gated_row(const char* variant, Contract contract) {
  return {Op::gated, Policy::kType, kPolicyLayout<Policy>, kIsa, variant, contract, GatedFn{gated<Policy>}};
}

template <class Fn>
constexpr Kernel plain_row(Op op, Fn* fn, TensorType type = TensorType::f32) {
  return {op, type, Layout::rows, kIsa, "plain", Contract::f32, fn};
}

constexpr Kernel kTable[] = {
    matmul_row<Floats<F32Weights>>("tile", Contract::f32),
    matmul_row<Floats<F16Weights>>("tile", Contract::f32),
    matmul_row<Floats<Bf16Weights>>("tile", Contract::f32),
    matmul_row<Quantised<Q8_0>>("tile", Contract::exact_integer),
    matmul_row<Quantised<Q4_0>>("tile", Contract::exact_integer),
    matmul_row<Quantised<Q4_1>>("tile", Contract::exact_integer),
    matmul_row<Quantised<Q5_0>>("tile", Contract::exact_integer),
    matmul_row<Quantised<Q5_1>>("tile", Contract::exact_integer),
    matmul_row<Quantised<MXFP4>>("tile", Contract::exact_integer),
    matmul_row<Quantised<Q4_K>>("tile", Contract::exact_integer),
    matmul_row<Quantised<Q5_K>>("tile", Contract::exact_integer),
    matmul_row<Quantised<Q6_K>>("tile", Contract::exact_integer),
    matmul_row<PlainRows<Q8_0Rows>>("rows", Contract::exact_integer),
    matmul_row<PlainRows<Q4_0Rows>>("rows", Contract::exact_integer),
    matmul_row<PlainRows<Q4_KRows>>("rows", Contract::exact_integer),
    matmul_row<PlainRows<Q6_KRows>>("rows", Contract::exact_integer),
    matmul_row<Widened<Q8_0>>("f32_activations", Contract::f32),
    matmul_row<Widened<Q4_0>>("f32_activations", Contract::f32),
    matmul_row<Widened<Q4_1>>("f32_activations", Contract::f32),
    matmul_row<Widened<Q5_0>>("f32_activations", Contract::f32),
    matmul_row<Widened<Q5_1>>("f32_activations", Contract::f32),
    matmul_row<Widened<MXFP4>>("f32_activations", Contract::f32),
    matmul_row<Widened<Q4_K>>("f32_activations", Contract::f32),
    matmul_row<Widened<Q5_K>>("f32_activations", Contract::f32),
    matmul_row<Widened<Q6_K>>("f32_activations", Contract::f32),
    gated_row<Floats<F32Weights>>("tile", Contract::f32),
    gated_row<Floats<F16Weights>>("tile", Contract::f32),
    gated_row<Floats<Bf16Weights>>("tile", Contract::f32),
    gated_row<Quantised<Q8_0>>("tile", Contract::exact_integer),
    gated_row<Quantised<Q4_0>>("tile", Contract::exact_integer),
    gated_row<Quantised<Q4_1>>("tile", Contract::exact_integer),
    gated_row<Quantised<Q5_0>>("tile", Contract::exact_integer),
    gated_row<Quantised<Q5_1>>("tile", Contract::exact_integer),
    gated_row<Quantised<MXFP4>>("tile", Contract::exact_integer),
    gated_row<Quantised<Q4_K>>("tile", Contract::exact_integer),
    gated_row<Quantised<Q5_K>>("tile", Contract::exact_integer),
    gated_row<Quantised<Q6_K>>("tile", Contract::exact_integer),
    gated_row<PlainRows<Q8_0Rows>>("rows", Contract::exact_integer),
    gated_row<PlainRows<Q4_0Rows>>("rows", Contract::exact_integer),
    gated_row<PlainRows<Q4_KRows>>("rows", Contract::exact_integer),
    gated_row<PlainRows<Q6_KRows>>("rows", Contract::exact_integer),
    gated_row<Widened<Q8_0>>("f32_activations", Contract::f32),
    gated_row<Widened<Q4_0>>("f32_activations", Contract::f32),
    gated_row<Widened<Q4_1>>("f32_activations", Contract::f32),
    gated_row<Widened<Q5_0>>("f32_activations", Contract::f32),
    gated_row<Widened<Q5_1>>("f32_activations", Contract::f32),
    gated_row<Widened<MXFP4>>("f32_activations", Contract::f32),
    gated_row<Widened<Q4_K>>("f32_activations", Contract::f32),
    gated_row<Widened<Q5_K>>("f32_activations", Contract::f32),
    gated_row<Widened<Q6_K>>("f32_activations", Contract::f32),
    plain_row(Op::quantize, quantize),
    plain_row(Op::rms_norm, rms_norm),
    plain_row(Op::add_scaled, add_scaled),
    plain_row(Op::scale, scale_by),
    plain_row(Op::rope, rope),
    plain_row(Op::softcap, softcap),
    plain_row(Op::glu, glu),
    plain_row(Op::attention, attention, TensorType::f32),
    plain_row(Op::attention, attention, TensorType::f16),
    plain_row(Op::attention, attention, TensorType::bf16),
    plain_row(Op::attention, attention, TensorType::q8_0),
    plain_row(Op::attention, attention, TensorType::q4_0),
    plain_row(Op::merge_chunk, merge_chunk),
    plain_row(Op::store_kv, store_kv),
    plain_row(Op::stream_read, stream_read),
    plain_row(Op::stream_move, stream_move),
};
