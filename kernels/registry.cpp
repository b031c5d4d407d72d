// Gathers the tables of all ISAs and finds rows in them.
#include "kernels/registry.hpp"

#include <limits>

#include "core/check.hpp"

namespace oldiron {

#define ISA(id, features)          \
  namespace id {                   \
  std::span<const Kernel> table(); \
  }
#include "kernels/isa.def"
#undef ISA

std::span<const Kernel> kernels() {
  static const std::vector<Kernel> kAll = [] {
    std::vector<Kernel> all;
    for (const std::span<const Kernel> table : {
#define ISA(id, features) id::table(),
#include "kernels/isa.def"
#undef ISA
         }) {
      all.insert(all.end(), table.begin(), table.end());
    }
    return all;
  }();
  return kAll;
}

std::string_view to_string(Op op) {
  switch (op) {
    case Op::matmul:
      return "matmul";
    case Op::gated:
      return "gated";
    case Op::quantize:
      return "quantize";
    case Op::rms_norm:
      return "rms_norm";
    case Op::add_scaled:
      return "add_scaled";
    case Op::scale:
      return "scale";
    case Op::rope:
      return "rope";
    case Op::softcap:
      return "softcap";
    case Op::glu:
      return "glu";
    case Op::attention:
      return "attention";
    case Op::merge_chunk:
      return "merge_chunk";
    case Op::store_kv:
      return "store_kv";
    case Op::stream_read:
      return "stream_read";
    case Op::stream_move:
      return "stream_move";
  }
  return "?";
}

std::string_view to_string(Contract contract) {
  switch (contract) {
    case Contract::exact_integer:
      return "exact_integer";
    case Contract::f32:
      return "f32";
    case Contract::requantised:
      return "requantised";
  }
  return "?";
}

std::string name(const Kernel& kernel) {
  std::string text;
  for (const std::string_view part : {to_string(kernel.op), info(kernel.type).key, to_string(kernel.isa)}) {
    text += std::string(part) + "/";
  }
  return text + kernel.variant;
}

namespace {

constexpr std::int64_t kAnyColumns = std::numeric_limits<std::int64_t>::max();

/// The row of the fastest ISA not above `isa` for products of so many columns, or nullptr.
const Kernel* find_row(Isa isa, Op op, TensorType type, Layout layout, Contract contract,
                       std::int64_t columns = 1) {
  const Kernel* best = nullptr;
  for (const Kernel& kernel : kernels()) {
    if (kernel.op != op || kernel.type != type || kernel.contract != contract || kernel.isa > isa) continue;
    if (kernel.layout != layout || kernel.from_columns > columns) continue;
    if (best == nullptr || kernel.isa > best->isa) best = &kernel;
  }
  return best;
}

template <class Fn>
Fn find(Isa isa, Op op, TensorType type, Layout layout, Contract contract) {
  const Kernel* row = find_row(isa, op, type, layout, contract);
  if (row == nullptr) {
    throw Error("There is no " + std::string(to_string(op)) + " kernel for " + std::string(info(type).name) +
                " weights; requantise the model to a type that has one.");
  }
  return std::get<Fn>(row->fn);
}

/// Where rounding activations is allowed: int8 for quantised weights; BF16 for float weights, if the ISA
/// multiplies it.
Contract rounded_contract(Isa isa, Op op, TensorType type) {
  if (!is_float(type)) return Contract::exact_integer;
  return find_row(isa, op, type, layout_of(type), Contract::requantised) != nullptr ? Contract::requantised
                                                                                    : Contract::f32;
}

}  // namespace

Layout KernelSet::layout(TensorType type) const {
  const bool rows = !repack && !is_float(type) &&
                    find_row(isa, Op::matmul, type, Layout::rows, Contract::exact_integer) != nullptr;
  return rows ? Layout::rows : layout_of(type);
}

MatmulFn KernelSet::matmul(TensorType type) const {
  return find<MatmulFn>(isa, Op::matmul, type, layout(type), rounded_contract(isa, Op::matmul, type));
}

MatmulFn KernelSet::matmul_f32(TensorType type) const {
  return find<MatmulFn>(isa, Op::matmul, type, layout_of(type), Contract::f32);
}

GatedFn KernelSet::gated(TensorType type) const {
  return find<GatedFn>(isa, Op::gated, type, layout(type), rounded_contract(isa, Op::gated, type));
}

GatedFn KernelSet::gated_f32(TensorType type) const {
  return find<GatedFn>(isa, Op::gated, type, layout_of(type), Contract::f32);
}

namespace {

/// Only integer products have the same bits on every ISA that has them (fused float chains differ).
template <class Fn>
ByColumns<Fn> by_columns(Isa isa, Op op, TensorType type, Layout layout, Fn few) {
  const Kernel* many =
      is_float(type) ? nullptr : find_row(isa, op, type, layout, Contract::exact_integer, kAnyColumns);
  if (many == nullptr || many->from_columns == 1) return {few, few, 1};
  return {few, std::get<Fn>(many->fn), many->from_columns};
}

template <class Fn>
Fn requantised(Isa isa, Op op, TensorType type, Layout layout) {
  const Kernel* row = find_row(isa, op, type, layout, Contract::requantised, kAnyColumns);
  return row == nullptr ? nullptr : std::get<Fn>(row->fn);
}

}  // namespace

ByColumns<MatmulFn> KernelSet::matmul_by_columns(TensorType type) const {
  return by_columns(isa, Op::matmul, type, layout(type), matmul(type));
}

ByColumns<GatedFn> KernelSet::gated_by_columns(TensorType type) const {
  return by_columns(isa, Op::gated, type, layout(type), gated(type));
}

MatmulFn KernelSet::matmul_requantised(TensorType type) const {
  return requantised<MatmulFn>(isa, Op::matmul, type, layout(type));
}

GatedFn KernelSet::gated_requantised(TensorType type) const {
  return requantised<GatedFn>(isa, Op::gated, type, layout(type));
}

KernelSet kernel_set(Isa isa, bool repack) {
  const auto plain = [isa]<class Fn>(Op op, Fn* KernelSet::*) {
    return find<Fn*>(isa, op, TensorType::f32, Layout::rows, Contract::f32);
  };
  return {.isa = isa,
          .repack = repack,
          .quantize = plain(Op::quantize, &KernelSet::quantize),
          .rms_norm = plain(Op::rms_norm, &KernelSet::rms_norm),
          .add_scaled = plain(Op::add_scaled, &KernelSet::add_scaled),
          .scale = plain(Op::scale, &KernelSet::scale),
          .rope = plain(Op::rope, &KernelSet::rope),
          .softcap = plain(Op::softcap, &KernelSet::softcap),
          .glu = plain(Op::glu, &KernelSet::glu),
          .attention = plain(Op::attention, &KernelSet::attention),
          .merge_chunk = plain(Op::merge_chunk, &KernelSet::merge_chunk),
          .store_kv = plain(Op::store_kv, &KernelSet::store_kv),
          .stream_read = plain(Op::stream_read, &KernelSet::stream_read),
          .stream_move = plain(Op::stream_move, &KernelSet::stream_move)};
}

}  // namespace oldiron
