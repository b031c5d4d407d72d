// GGUF files: reading the header safely, and streaming a WeightSource to disk.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/model.hpp"
#include "kernels/gguf_vocabulary.hpp"
#include "kernels/weight_source.hpp"

namespace oldiron {

inline constexpr std::size_t kMaxTensorNameBytes = 63;  ///< the engines' own limit, with its terminator 64

struct GgufTensor {
  std::string name;
  std::vector<std::int64_t> ne;
  int gguf_type = 0;
  std::uint64_t offset = 0;  ///< from data_start of its part
  std::uint64_t bytes = 0;   ///< by its type; of an unknown one up to the next tensor or the end of the file
  std::size_t part = 0;
};

using GgufScalar = std::variant<std::uint64_t, std::int64_t, double, bool, std::string>;

struct GgufValue {
  std::vector<GgufScalar> values;  ///< one for a scalar; of an array the first 4096 numbers or 16 strings
  bool array = false;
  std::uint64_t count = 1;
};

/// One file of a model; split models have several.
struct GgufPart {
  std::string path;
  std::uint64_t data_start = 0;
  std::uint64_t bytes = 0;  ///< of the file
};

struct GgufHeader {
  int version = 0;
  std::map<std::string, GgufValue> keys;  ///< of the first part, which holds those of the model
  std::map<std::string, std::int32_t> chat_tokens;  ///< ids of what opens and ends turns, by text
  std::vector<GgufTensor> tensors;        ///< of all parts
  std::vector<GgufPart> parts;
};

/// Reads and checks everything before the data: every length and offset against the file's size, every tensor's end
/// inside the file. Of a split model any part may be named: all are found by their names, and must agree. Throws Error.
GgufHeader read_gguf_header(const std::string& path);

/// Path of the first part of a split model, which engines ask for; of any other name `path` itself. By names alone.
std::string first_gguf_part(const std::string& path);

/// Shapes, roles and types. Throws Error naming a missing or contradictory key; of an architecture or tensor type that
/// nobody here knows, what can be counted is counted and `remarks` says the rest.
ModelSpec model_from_gguf(const GgufHeader& header, const std::string& path);

/// Streams `source` to `path` (by a temporary, renamed when whole). Memory: a few MB, 50 with a vocabulary of 262144.
/// Throws Error, before writing if the disk has no room. The foreign engines run a gemma4 file only if it has a layer of
/// each kind (of Gemma-4-26B at least the first six).
void write_gguf(const WeightSource& source, const std::string& path, Vocabulary vocabulary = Vocabulary::none);

}  // namespace oldiron
