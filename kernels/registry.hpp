// The table of all kernels: what each row computes, for which format and ISA, and what its result promises.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "kernels/isa.hpp"
#include "kernels/ops/attention.hpp"
#include "kernels/ops/elementwise.hpp"
#include "kernels/ops/matmul.hpp"
#include "kernels/ops/moe.hpp"
#include "kernels/ops/stream.hpp"

namespace oldiron {

enum class Op : std::uint8_t { matmul, gated, quantize, rms_norm, add_scaled, scale, rope, softcap, attention, store_kv, stream_read };

// Function types that coincide are told apart by `op`.
using KernelFn = std::variant<MatmulFn, GatedFn, QuantizeFn, RmsNormFn, AddScaledFn, ScaleFn, RopeFn, AttentionFn, StoreKvFn,
                              StreamReadFn>;

struct Kernel {
  Op op;
  TensorType type;        ///< of the weights, or of the KV cache; f32 where there is none
  Layout layout;
  Isa isa;
  const char* variant;    ///< "tile", "f32_activations"
  Contract contract;
  KernelFn fn;
};

/// All rows of all ISAs, also those that do not run here.
std::span<const Kernel> kernels();

/// "matmul/q4_0/avx512_vnni/tile".
std::string name(const Kernel& kernel);

std::string_view to_string(Op op);
std::string_view to_string(Contract contract);

/// The kernels of one ISA, looked up once when a decoder is made; a format or op that the ISA lacks falls back to the
/// next slower one (scalar has all).
struct KernelSet {
  Isa isa;
  MatmulFn matmul(TensorType type) const;      ///< on layout_of(type), quantised activations where the type is quantised
  MatmulFn matmul_f32(TensorType type) const;  ///< F32 activations for every type
  GatedFn gated(TensorType type) const;
  GatedFn gated_f32(TensorType type) const;
  QuantizeFn quantize;
  RmsNormFn rms_norm;
  AddScaledFn add_scaled;
  ScaleFn scale;
  RopeFn rope;
  SoftcapFn softcap;
  AttentionFn attention;
  StoreKvFn store_kv;
  StreamReadFn stream_read;
};

KernelSet kernel_set(Isa isa);

}  // namespace oldiron
