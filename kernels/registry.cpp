// Gathers the tables of all ISAs and finds rows in them.
#include "kernels/registry.hpp"

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
    case Op::attention:
      return "attention";
    case Op::store_kv:
      return "store_kv";
    case Op::stream_read:
      return "stream_read";
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

bool is_float(TensorType type) {
  return type == TensorType::f32 || type == TensorType::f16 || type == TensorType::bf16;
}

/// The row of the fastest ISA not above `isa`.
template <class Fn>
Fn find(Isa isa, Op op, TensorType type, Contract contract) {
  const Kernel* best = nullptr;
  for (const Kernel& kernel : kernels()) {
    if (kernel.op != op || kernel.type != type || kernel.contract != contract || kernel.isa > isa) continue;
    if (best == nullptr || kernel.isa > best->isa) best = &kernel;
  }
  if (best == nullptr) {
    throw Error("There is no " + std::string(to_string(op)) + " kernel for " + std::string(info(type).name) +
                " weights; requantise the model to a type that has one.");
  }
  return std::get<Fn>(best->fn);
}

}  // namespace

MatmulFn KernelSet::matmul(TensorType type) const {
  return find<MatmulFn>(isa, Op::matmul, type, is_float(type) ? Contract::f32 : Contract::exact_integer);
}

MatmulFn KernelSet::matmul_f32(TensorType type) const {
  return find<MatmulFn>(isa, Op::matmul, type, Contract::f32);
}

GatedFn KernelSet::gated(TensorType type) const {
  return find<GatedFn>(isa, Op::gated, type, is_float(type) ? Contract::f32 : Contract::exact_integer);
}

GatedFn KernelSet::gated_f32(TensorType type) const {
  return find<GatedFn>(isa, Op::gated, type, Contract::f32);
}

KernelSet kernel_set(Isa isa) {
  const auto plain = [isa]<class Fn>(Op op, Fn* KernelSet::*) {
    return find<Fn*>(isa, op, TensorType::f32, Contract::f32);
  };
  return {.isa = isa,
          .quantize = plain(Op::quantize, &KernelSet::quantize),
          .rms_norm = plain(Op::rms_norm, &KernelSet::rms_norm),
          .add_scaled = plain(Op::add_scaled, &KernelSet::add_scaled),
          .scale = plain(Op::scale, &KernelSet::scale),
          .rope = plain(Op::rope, &KernelSet::rope),
          .softcap = plain(Op::softcap, &KernelSet::softcap),
          .attention = plain(Op::attention, &KernelSet::attention),
          .store_kv = plain(Op::store_kv, &KernelSet::store_kv),
          .stream_read = plain(Op::stream_read, &KernelSet::stream_read)};
}

}  // namespace oldiron
