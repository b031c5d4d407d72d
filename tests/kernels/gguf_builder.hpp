// GGUF files for tests: built byte by byte, right or wrong, in a folder of their own.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "core/check.hpp"

namespace oldiron {

inline std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A folder of its own for each test, gone afterwards.
class GgufFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "oldiron_gguf_XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& content, const std::string& name = "model.gguf") {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::size_t files_in_folder() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  std::string folder_;
};

/// Builds GGUF bytes, right or wrong.
struct Builder {
  std::string bytes;

  template <class T>
  Builder& put(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes.append(raw, sizeof(T));
    return *this;
  }

  Builder& text(const std::string& value) {
    put(std::uint64_t{value.size()});
    bytes += value;
    return *this;
  }

  Builder& head(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
    bytes += "GGUF";
    return put(version).put(tensors).put(keys);
  }

  Builder& tensor(const std::string& name, std::vector<std::int64_t> ne, std::int32_t type,
                  std::uint64_t offset) {
    text(name).put(static_cast<std::uint32_t>(ne.size()));
    for (const std::int64_t n : ne) put(n);
    return put(type).put(offset);
  }

  Builder& data(std::size_t n, std::size_t alignment = 32) {
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment + n, '\0');
    return *this;
  }
};

inline std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace oldiron
