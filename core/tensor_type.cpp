// The table of tensor types, expanded from tensor_types.def.
#include "core/tensor_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/text.hpp"

namespace oldiron {
namespace {

constexpr TensorTypeInfo kTypes[] = {
#define TENSOR_TYPE(id, name, gguf_id, block, bytes) {TensorType::id, #id, name, gguf_id, block, bytes},
#include "core/tensor_types.def"
#undef TENSOR_TYPE
};

constexpr TensorTypeInfo kUnknown = {TensorType::unknown, "unknown", "unknown", -1, 1, 0};

}  // namespace

std::span<const TensorTypeInfo> tensor_types() { return kTypes; }

bool is_float(TensorType type) { return type == TensorType::f32 || type == TensorType::f16 || type == TensorType::bf16; }

const TensorTypeInfo& info(TensorType type) {
  return type == TensorType::unknown ? kUnknown : kTypes[static_cast<std::size_t>(type)];
}

Available<TensorType> tensor_type_from_gguf(int gguf_id) {
  for (const TensorTypeInfo& type : kTypes) {
    if (type.gguf_id == gguf_id) return type.type;
  }
  return Available<TensorType>::not_available(
      fmt::format("tensor type {} is not one this program knows", gguf_id));
}

TensorType tensor_type_from_name(std::string_view text) {
  const std::string wanted = lower(text);
  std::vector<std::string> keys;
  for (const TensorTypeInfo& type : kTypes) {
    if (wanted == type.key) return type.type;
    keys.emplace_back(type.key);
  }
  throw Error(fmt::format("there is no tensor type `{}`; known are {}", text, list_text(keys, "and")));
}

std::int64_t row_bytes(TensorType type, std::int64_t k) {
  const TensorTypeInfo& t = info(type);
  if (type == TensorType::unknown) throw Error("the rows of a tensor of an unknown type cannot be sized");
  if (k % t.block != 0) {
    throw Error(fmt::format("a row of {} weights cannot be {}, whose blocks hold {}: choose another type", k,
                            t.name, t.block));
  }
  return k / t.block * t.block_bytes;
}

}  // namespace oldiron
