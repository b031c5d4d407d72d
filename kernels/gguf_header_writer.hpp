// HeaderWriter: the bytes of a GGUF file before its data.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/model.hpp"

namespace oldiron {

inline constexpr std::uint64_t kGgufAlignment = 32;  ///< GGUF's own where general.alignment is absent

inline std::uint64_t gguf_padded(std::uint64_t bytes) {
  return (bytes + kGgufAlignment - 1) / kGgufAlignment * kGgufAlignment;
}

/// Value types are those that the engines' own converters write.
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

  void boolean(const std::string& key, bool value) {
    begin(key, 7);
    put(static_cast<std::uint8_t>(value));
  }

  void text(const std::string& key, std::string_view value) {
    begin(key, 8);
    put_string(value);
  }

  void i32_array(const std::string& key, const std::vector<int>& values) {
    begin_array(key, 5, values.size());
    for (const int value : values) put(static_cast<std::int32_t>(value));
  }

  void f32_array(const std::string& key, const std::vector<float>& values) {
    begin_array(key, 6, values.size());
    for (const float value : values) put(value);
  }

  void text_array(const std::string& key, const std::vector<std::string>& values) {
    begin_array(key, 8, values.size());
    for (const std::string& value : values) put_string(value);
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
    out.resize(gguf_padded(out.size()), '\0');
    return out;
  }

 private:
  template <class T>
  static void put_to(std::string& out, T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    out.append(raw, sizeof(T));
  }

  static void put_string_to(std::string& out, std::string_view value) {
    put_to(out, static_cast<std::uint64_t>(value.size()));
    out += value;
  }

  template <class T>
  void put(T value) {
    put_to(pairs_, value);
  }

  void put_string(std::string_view value) { put_string_to(pairs_, value); }

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

}  // namespace oldiron
