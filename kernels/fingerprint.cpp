// Fingerprints of models: what must be equal for two measurements to be of the same model.
#include "kernels/fingerprint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "core/text.hpp"
#include "kernels/input_file.hpp"

namespace oldiron {

std::string shapes_fingerprint(const ModelSpec& model) {
  std::string text = fmt::format("{} {} {} {}\n", model.architecture, model.block_count, model.expert_count,
                                 model.expert_used_count);
  for (const TensorSpec& tensor : model.tensors) {
    text += fmt::format("{} {} {} {} {} {}\n", tensor.name, tensor.ne[0], tensor.ne[1], tensor.ne[2],
                        tensor.ne[3], info(tensor.type).name);
  }
  return hex16(hash64(text));
}

std::string model_fingerprint(const ModelSpec& model, std::string_view weights) {
  return hex16(hash64(fmt::format("{} {}", shapes_fingerprint(model), weights)));
}

namespace {

constexpr std::uint64_t kBlocks = 64, kBlockBytes = 4096;

/// Words of `blocks` blocks spread over the file, its first and last bytes among them; of a small file all of it.
std::string sample(const std::string& path, std::uint64_t blocks) {
  const InputFile file(path);
  std::string words;
  const bool small = file.size() <= blocks * kBlockBytes;
  std::string block(small ? file.size() : kBlockBytes, '\0');
  const std::uint64_t n = small ? 1 : blocks;
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::uint64_t offset = n == 1 ? 0 : (file.size() - block.size()) / (n - 1) * i;
    file.read(offset, block.size(), reinterpret_cast<std::byte*>(block.data()));
    words += hex16(hash64(block));
  }
  return words;
}

}  // namespace

std::string file_fingerprint(const GgufHeader& header, const ModelSpec& model) {
  std::uint64_t bytes = 0;
  for (const GgufPart& part : header.parts) bytes += part.bytes;
  std::string words = fmt::format("file of {} bytes\n", bytes);
  for (const auto& [key, value] : header.keys) {
    words += fmt::format("{} {}", key, value.count);
    for (const GgufScalar& scalar : value.values) {
      std::visit([&](const auto& v) { words += fmt::format(" {}", v); }, scalar);
    }
  }
  const std::uint64_t blocks = std::max<std::uint64_t>(2, kBlocks / header.parts.size());
  for (const GgufPart& part : header.parts) words += sample(part.path, blocks);
  return model_fingerprint(model, words);
}

}  // namespace oldiron
