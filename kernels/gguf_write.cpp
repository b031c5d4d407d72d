// Streams a WeightSource to a GGUF file that both foreign engines load, without a vocabulary.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/check.hpp"
#include "kernels/fingerprint.hpp"
#include "kernels/gguf.hpp"
#include "kernels/output_file.hpp"

namespace oldiron {

namespace {

constexpr std::uint64_t kAlignment = 32;  // GGUF's own where general.alignment is absent
constexpr std::int64_t kChunkBytes =
    4 << 20;  // rows made before they are written: in the cache of a core or near it
constexpr std::size_t kMaxNameBytes = 63;  // of a tensor, in both engines

std::uint64_t padded(std::uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// Builds the bytes before the data. Value types are those that the engines' own converters write.
class HeaderWriter {
 public:
  void u32(const std::string& key, std::int64_t value) {
    begin(key, 4);
    put(static_cast<std::uint32_t>(value));
  }

  void f32(const std::string& key, double value) {
    begin(key, 6);
    put(static_cast<float>(value));
  }

  void text(const std::string& key, const std::string& value) {
    begin(key, 8);
    put_string(value);
  }

  void i32_array(const std::string& key, const std::vector<int>& values) {
    begin_array(key, 5, values.size());
    for (const int value : values) put(static_cast<std::int32_t>(value));
  }

  void bool_array(const std::string& key, const std::vector<int>& values) {
    begin_array(key, 7, values.size());
    for (const int value : values) put(static_cast<std::uint8_t>(value));
  }

  void tensor(const TensorSpec& tensor, std::uint64_t offset) {
    put_string_to(table_, tensor.name);
    const std::uint32_t n_dims = tensor.ne[3] > 1 ? 4 : tensor.ne[2] > 1 ? 3 : tensor.ne[1] > 1 ? 2 : 1;
    put_to(table_, n_dims);
    for (std::uint32_t d = 0; d < n_dims; ++d) put_to(table_, tensor.ne[d]);
    put_to(table_, static_cast<std::int32_t>(info(tensor.type).gguf_id));
    put_to(table_, offset);
    ++tensors_;
  }

  std::string bytes() const {
    std::string out = "GGUF";
    put_to(out, std::uint32_t{3});
    put_to(out, tensors_);
    put_to(out, keys_);
    out += pairs_ + table_;
    out.resize(padded(out.size()), '\0');
    return out;
  }

 private:
  template <class T>
  static void put_to(std::string& out, T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    out.append(raw, sizeof(T));
  }

  static void put_string_to(std::string& out, const std::string& value) {
    put_to(out, static_cast<std::uint64_t>(value.size()));
    out += value;
  }

  template <class T>
  void put(T value) {
    put_to(pairs_, value);
  }

  void put_string(const std::string& value) { put_string_to(pairs_, value); }

  void begin(const std::string& key, std::int32_t type) {
    put_string(key);
    put(type);
    ++keys_;
  }

  void begin_array(const std::string& key, std::int32_t type, std::size_t count) {
    begin(key, 9);
    put(type);
    put(static_cast<std::uint64_t>(count));
  }

  std::string pairs_, table_;
  std::uint64_t tensors_ = 0, keys_ = 0;
};

/// llama_ftype of the type that holds most bytes; engines print it and read every tensor's own type.
int file_type(const ModelSpec& model) {
  static const std::map<TensorType, int> kFileTypes = {
      {TensorType::f32, 0},   {TensorType::f16, 1},   {TensorType::q4_0, 2},
      {TensorType::q8_0, 7},  {TensorType::q5_0, 8},  {TensorType::q4_k, 15},
      {TensorType::q5_k, 17}, {TensorType::q6_k, 18}, {TensorType::bf16, 32}};
  std::map<TensorType, std::int64_t> bytes;
  for (const TensorSpec& tensor : model.tensors) bytes[tensor.type] += tensor.bytes();
  const auto most = std::max_element(bytes.begin(), bytes.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto found = most == bytes.end() ? kFileTypes.end() : kFileTypes.find(most->first);
  return found == kFileTypes.end() ? 0 : found->second;
}

std::vector<int> of_layers(const ModelSpec& model, const std::function<int(const LayerSpec&)>& value) {
  std::vector<int> out;
  for (const LayerSpec& layer : model.layers) out.push_back(value(layer));
  return out;
}

/// The first layer that is sliding, or is not; if there is none, the first of the others stands in.
const LayerSpec& layer_like(const ModelSpec& model, bool sliding) {
  for (const LayerSpec& layer : model.layers) {
    if (layer.sliding == sliding) return layer;
  }
  return model.layers.front();
}

void put_model(const ModelSpec& model, HeaderWriter& out) {
  const std::string arch = model.architecture + ".";
  const bool gemma4 = model.architecture == "gemma4";
  const LayerSpec& full = layer_like(model, false);
  const LayerSpec& sliding = layer_like(model, true);
  out.text("general.architecture", model.architecture);
  out.text("general.type", "model");
  out.text("general.name", model.id);
  out.u32("general.quantization_version", 2);
  out.u32("general.file_type", file_type(model));
  out.u32(arch + "block_count", model.block_count);
  out.u32(arch + "context_length", model.context_length);
  out.u32(arch + "embedding_length", model.embedding_length);
  out.u32(arch + "feed_forward_length", model.feed_forward_length);
  out.u32(arch + "vocab_size", model.vocab_size);
  out.u32(arch + "attention.head_count", full.n_head);
  out.i32_array(arch + "attention.head_count_kv",
                of_layers(model, [](const LayerSpec& l) { return l.n_head_kv; }));
  out.u32(arch + "attention.key_length", full.key_length);
  out.u32(arch + "attention.value_length", full.value_length);
  out.f32(arch + "attention.layer_norm_rms_epsilon", model.norm_eps);
  out.f32(arch + "rope.freq_base", full.rope_freq_base);
  out.u32(arch + "rope.dimension_count", full.rope_dimension_count);
  if (sliding.window > 0) out.u32(arch + "attention.sliding_window", sliding.window);
  if (gemma4) {
    out.bool_array(arch + "attention.sliding_window_pattern",
                   of_layers(model, [](const LayerSpec& l) { return l.sliding ? 1 : 0; }));
    out.u32(arch + "attention.key_length_swa", sliding.key_length);
    out.u32(arch + "attention.value_length_swa", sliding.value_length);
    out.u32(arch + "attention.shared_kv_layers", 0);
    out.u32(arch + "embedding_length_per_layer_input", 0);
    out.f32(arch + "rope.freq_base_swa", sliding.rope_freq_base);
    out.u32(arch + "rope.dimension_count_swa", sliding.rope_dimension_count);
    out.f32(arch + "final_logit_softcapping", model.final_logit_softcap);
  }
  if (model.expert_count > 0) {
    out.u32(arch + "expert_count", model.expert_count);
    out.u32(arch + "expert_used_count", model.expert_used_count);
    out.u32(arch + "expert_feed_forward_length", model.expert_feed_forward_length);
  }
  out.text("tokenizer.ggml.model", "no_vocab");
  if (model.synthetic) {
    out.text("oldiron.fingerprint", model.fingerprint);
    out.text("oldiron.shapes", shapes_fingerprint(model));
  }
}

void write_padding(OutputFile& file) {
  static constexpr std::byte kZeros[kAlignment] = {};
  file.write(kZeros, static_cast<std::size_t>(padded(file.written()) - file.written()));
}

}  // namespace

void write_gguf(const WeightSource& source, const std::string& path) {
  const ModelSpec& model = source.model();
  // Of other architectures a ModelSpec does not hold all that their keys say (YaRN, convolutions).
  static const std::vector<std::string> kWritable = {"gemma4", "llama", "qwen3moe"};
  if (std::find(kWritable.begin(), kWritable.end(), model.architecture) == kWritable.end() ||
      model.layers.empty()) {
    throw Error(fmt::format("{} is a {} model; a GGUF can be written of gemma4, llama and qwen3moe", model.id,
                            model.architecture));
  }
  for (const TensorSpec& tensor : model.tensors) {
    if (tensor.role == Role::ple || tensor.role == Role::unused) {
      throw Error(fmt::format(
          "{} embeds tokens per layer or shares keys between layers ({}); a GGUF of it cannot be written",
          model.id, tensor.name));
    }
  }
  HeaderWriter header;
  put_model(model, header);
  std::uint64_t data_bytes = 0;
  for (const TensorSpec& tensor : model.tensors) {
    if (tensor.name.size() > kMaxNameBytes)
      throw Error(fmt::format("tensor name {} is too long for GGUF", tensor.name));
    header.tensor(tensor, data_bytes);
    data_bytes += padded(static_cast<std::uint64_t>(tensor.bytes()));
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
