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

enum class Op : std::uint8_t { matmul, gated, quantize, rms_norm, add_scaled, scale, rope, softcap, glu, attention, merge_chunk, store_kv, stream_read, stream_move };

// Function types that coincide are told apart by `op`.
using KernelFn = std::variant<MatmulFn, GatedFn, QuantizeFn, RmsNormFn, AddScaledFn, ScaleFn, RopeFn, GluFn, AttentionFn, MergeChunkFn, StoreKvFn,
                              StreamReadFn, StreamMoveFn>;

struct Kernel {
  Op op;
  TensorType type;        ///< of the weights, or of the KV cache; f32 where there is none
  Layout layout;
  Isa isa;
  const char* variant;    ///< "tile", "f32_activations", "pairs", "int8_tiles", "bf16_tiles", "rows"
  Contract contract;
  KernelFn fn;
  std::int64_t from_columns = 1;  ///< slower than the rows of lesser ISAs if a product has fewer columns
};

/// Rows of one product that give the same bits, by its number of columns.
template <class Fn>
struct ByColumns {
  Fn few = nullptr;
  Fn many = nullptr;
  std::int64_t many_from = 1;

  Fn of(std::int64_t columns) const { return columns < many_from ? few : many; }

  template <class Args>
  void operator()(const Args& args) const {
    of(args.n)(args);
  }
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
  bool repack = true;                          ///< else plain rows, for types that have kernels on them
  Layout layout(TensorType type) const;        ///< of the weights that matmul() and gated() read
  /// On layout(type). Activations: int8 where the type is quantised, BF16 where it is F16 or BF16 and the ISA has
  /// AVX-512-BF16 (the row reads F32 and rounds by itself), else F32.
  MatmulFn matmul(TensorType type) const;
  MatmulFn matmul_f32(TensorType type) const;  ///< F32 activations for every type, nothing rounded, on layout_of(type)
  GatedFn gated(TensorType type) const;
  GatedFn gated_f32(TensorType type) const;

  /// matmul() and gated(), and for many columns a row with the same bits, if the ISA has one.
  ByColumns<MatmulFn> matmul_by_columns(TensorType type) const;
  ByColumns<GatedFn> gated_by_columns(TensorType type) const;

  /// For many columns at Contract::requantised, reading F32 activations; nullptr where no row is. Its bits are not those
  /// of matmul(): take it for a whole phase, never by the number of columns.
  MatmulFn matmul_requantised(TensorType type) const;
  GatedFn gated_requantised(TensorType type) const;
  QuantizeFn quantize;
  RmsNormFn rms_norm;
  AddScaledFn add_scaled;
  ScaleFn scale;
  RopeFn rope;
  SoftcapFn softcap;
  GluFn glu;
  AttentionFn attention;
  MergeChunkFn merge_chunk;
  StoreKvFn store_kv;
  StreamReadFn stream_read;
  StreamMoveFn stream_move;
};

KernelSet kernel_set(Isa isa, bool repack = true);

}  // namespace oldiron
