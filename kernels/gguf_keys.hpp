// Keys of a GGUF header with their types and ranges checked, for the code that turns a header into a model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/gguf.hpp"

namespace oldiron {

/// Reads keys below "<architecture>."; every function throws Error naming the key and the file.
class GgufKeys {
 public:
  GgufKeys(const GgufHeader& header, const std::string& path);

  const std::string& architecture() const { return architecture_; }

  bool has(std::string_view key) const { return find(key) != nullptr; }

  /// A whole number in 0 .. 2^31 - 1; required without a default. Of an array the first.
  int integer(std::string_view key, std::optional<int> fallback = {}) const;

  /// A finite number; required without a default.
  double number(std::string_view key, std::optional<double> fallback = {}) const;

  /// One value per layer: an array of at least n, or a scalar for all.
  std::vector<int> per_layer(std::string_view key, int n, std::optional<int> fallback = {}) const;

 private:
  const GgufValue* find(std::string_view key) const;
  int integer_at(std::string_view key, const GgufValue& value, std::size_t i) const;
  [[noreturn]] void fail(std::string_view key, std::string_view what) const;

  const GgufHeader& header_;
  std::string path_;
  std::string architecture_;
};

}  // namespace oldiron
