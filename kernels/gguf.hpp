// GGUF files: reading the header safely, and streaming a WeightSource to disk.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/model.hpp"
#include "kernels/weight_source.hpp"

namespace oldiron {

struct GgufTensor {
  std::string name;
  std::vector<std::int64_t> ne;
  int gguf_type = 0;
  std::uint64_t offset = 0;  ///< from data_start
};

using GgufScalar = std::variant<std::uint64_t, std::int64_t, double, bool, std::string>;

struct GgufValue {
  std::vector<GgufScalar> values;  ///< one for a scalar; of an array the first 4096 numbers or 16 strings
  bool array = false;
  std::uint64_t count = 1;
};

struct GgufHeader {
  int version = 0;
  std::map<std::string, GgufValue> keys;
  std::vector<GgufTensor> tensors;
  std::uint64_t data_start = 0;
  std::uint64_t file_bytes = 0;
};

/// Reads and checks everything before the data: every length and offset against the file's size, every tensor's end
/// inside the file. Throws Error.
GgufHeader read_gguf_header(const std::string& path);

/// Shapes, roles and types; throws Error naming an unknown architecture or a missing key.
ModelSpec model_from_gguf(const GgufHeader& header, const std::string& path);

/// Streams `source` to `path` (by a temporary, renamed when whole) with tokenizer no_vocab. Memory: a few MB.
/// Throws Error, before writing if the disk has no room. Architectures: gemma4, llama, qwen3moe; the foreign engines run
/// a gemma4 file only if it has a layer of each kind (of Gemma-4-26B at least the first six).
void write_gguf(const WeightSource& source, const std::string& path);

}  // namespace oldiron
