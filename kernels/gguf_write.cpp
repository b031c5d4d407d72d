// Streams a WeightSource to a GGUF file that both foreign engines load.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.hpp"
#include "kernels/fingerprint.hpp"
#include "kernels/gguf.hpp"
#include "kernels/gguf_header_writer.hpp"
#include "kernels/gguf_model_keys.hpp"
#include "kernels/output_file.hpp"

namespace oldiron {

namespace {

constexpr std::int64_t kChunkBytes =
    4 << 20;  // rows made before they are written: in the cache of a core or near it

/// Whose keys put_model_keys knows.
constexpr std::array<std::string_view, 6> kWritable = {"gemma4", "gemma4-assistant", "llama",
                                                       "qwen3moe", "gpt-oss", "qwen35moe"};

void write_padding(OutputFile& file) {
  static constexpr std::byte kZeros[kGgufAlignment] = {};
  file.write(kZeros, static_cast<std::size_t>(gguf_padded(file.written()) - file.written()));
}

}  // namespace

void write_gguf(const WeightSource& source, const std::string& path, Vocabulary vocabulary) {
  const ModelSpec& model = source.model();
  if (std::find(kWritable.begin(), kWritable.end(), model.architecture) == kWritable.end() || model.layers.empty()) {
    throw Error(fmt::format("{} is a {} model; a GGUF can be written of {}", model.id, model.architecture,
                            fmt::join(kWritable, ", ")));
  }
  HeaderWriter header;
  put_model_keys(model, header);
  put_vocabulary(model, vocabulary, header);
  if (model.synthetic) {
    header.text("oldiron.fingerprint", model.fingerprint);
    header.text("oldiron.shapes", shapes_fingerprint(model));
  }
  std::uint64_t data_bytes = 0;
  for (const TensorSpec& tensor : model.tensors) {
    if (tensor.name.size() > kMaxTensorNameBytes)
      throw Error(fmt::format("tensor name {} is too long for GGUF", tensor.name));
    header.tensor(tensor, data_bytes);
    data_bytes += gguf_padded(static_cast<std::uint64_t>(tensor.bytes()));
  }
  const std::string head = header.bytes();
  OutputFile file(path, head.size() + data_bytes);
  file.write(reinterpret_cast<const std::byte*>(head.data()), head.size());
  std::vector<std::byte> chunk;
  for (const TensorSpec& tensor : model.tensors) {
    const std::int64_t bytes = row_bytes(tensor.type, tensor.k());
    const std::int64_t step = std::max<std::int64_t>(1, kChunkBytes / bytes);
    for (std::int64_t row = 0; row < tensor.rows(); row += step) {
      const std::int64_t end = std::min(tensor.rows(), row + step);
      chunk.resize(static_cast<std::size_t>((end - row) * bytes));
      source.read_rows(tensor, row, end, chunk.data());
      file.write(chunk.data(), chunk.size());
    }
    write_padding(file);
  }
  file.commit();
}

}  // namespace oldiron
