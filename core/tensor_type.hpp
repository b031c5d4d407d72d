// The GGUF tensor types: names, ids and block sizes. What can be computed with them is kernels/formats.def.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/check.hpp"

namespace oldiron {

enum class TensorType : std::uint8_t {
#define TENSOR_TYPE(id, name, gguf_id, block, bytes) id,
#include "core/tensor_types.def"
#undef TENSOR_TYPE
  unknown,  ///< of a file that uses a type not listed here: only its bytes are known
};

struct TensorTypeInfo {
  TensorType type;
  std::string_view key;   ///< as in JSON and on the command line: "q4_0"
  std::string_view name;  ///< as GGUF tools print it: "Q4_0"
  int gguf_id;
  std::int64_t block;        ///< weights per block
  std::int64_t block_bytes;  ///< bytes per block
};

/// Those of tensor_types.def.
std::span<const TensorTypeInfo> tensor_types();
const TensorTypeInfo& info(TensorType type);
bool is_float(TensorType type);

/// The type with this GGUF id, or the reason.
Available<TensorType> tensor_type_from_gguf(int gguf_id);

/// Reads "q4_0" or "Q4_0"; throws Error naming `text` and the known types.
TensorType tensor_type_from_name(std::string_view text);

/// Bytes of one row of `k` weights. Throws Error if k is no multiple of the block, or the type is unknown.
std::int64_t row_bytes(TensorType type, std::int64_t k);

}  // namespace oldiron
