// Keys of a GGUF header with their types and ranges checked.
#include "kernels/gguf_keys.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/check.hpp"

namespace oldiron {

namespace {

std::optional<double> as_number(const GgufScalar& scalar) {
  if (const auto* value = std::get_if<std::uint64_t>(&scalar)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<std::int64_t>(&scalar)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<double>(&scalar)) return *value;
  if (const auto* value = std::get_if<bool>(&scalar)) return *value ? 1 : 0;
  return {};
}

}  // namespace

GgufKeys::GgufKeys(const GgufHeader& header, const std::string& path) : header_(header), path_(path) {
  const auto found = header.keys.find("general.architecture");
  const std::string* name = nullptr;
  if (found != header.keys.end() && !found->second.array)
    name = std::get_if<std::string>(&found->second.values.front());
  if (name == nullptr)
    throw Error(fmt::format("{} names no architecture (general.architecture); it holds no model", path));
  architecture_ = *name;
}

void GgufKeys::fail(std::string_view key, std::string_view what) const {
  throw Error(fmt::format("{}: key `{}.{}` {}; the file does not describe a whole {} model", path_,
                          architecture_, key, what, architecture_));
}

const GgufValue* GgufKeys::find(std::string_view key) const {
  const auto found = header_.keys.find(fmt::format("{}.{}", architecture_, key));
  return found == header_.keys.end() || found->second.values.empty() ? nullptr : &found->second;
}

int GgufKeys::integer_at(std::string_view key, const GgufValue& value, std::size_t i) const {
  const std::optional<double> number = as_number(value.values[i]);
  if (!number || *number != std::floor(*number)) fail(key, "is no whole number");
  if (*number < 0 || *number > std::numeric_limits<int>::max()) fail(key, fmt::format("is {}", *number));
  return static_cast<int>(*number);
}

int GgufKeys::integer(std::string_view key, std::optional<int> fallback) const {
  const GgufValue* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr) fail(key, "is missing");
  return integer_at(key, *value, 0);
}

double GgufKeys::number(std::string_view key, std::optional<double> fallback) const {
  const GgufValue* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr) fail(key, "is missing");
  const std::optional<double> number = as_number(value->values.front());
  if (!number || !std::isfinite(*number)) fail(key, "is no finite number");
  return *number;
}

std::vector<int> GgufKeys::per_layer(std::string_view key, int n, std::optional<int> fallback) const {
  const GgufValue* value = find(key);
  if (value == nullptr || !value->array)
    return std::vector<int>(static_cast<std::size_t>(n), integer(key, fallback));
  if (value->values.size() < static_cast<std::size_t>(n)) {
    fail(key, fmt::format("has {} values for {} layers", value->count, n));
  }
  std::vector<int> out;
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) out.push_back(integer_at(key, *value, i));
  return out;
}

}  // namespace oldiron
