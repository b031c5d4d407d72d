// Reading JSON objects strictly.
#include "core/json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "core/text.hpp"

namespace oldiron {
namespace {

using Json = nlohmann::json;

bool convert(const Json& json, bool& value) {
  if (!json.is_boolean()) return false;
  value = json.get<bool>();
  return true;
}

bool convert(const Json& json, double& value) {
  if (!json.is_number()) return false;
  value = json.get<double>();
  return true;
}

bool convert(const Json& json, std::string& value) {
  if (!json.is_string()) return false;
  value = json.get<std::string>();
  return true;
}

template <class T>
requires std::is_integral_v<T>

bool convert(const Json& json, T& value) {
  if (!json.is_number_integer()) return false;
  if (json.is_number_unsigned()) {
    const auto number = json.get<std::uint64_t>();
    value = static_cast<T>(number);
    return std::in_range<T>(number);
  }
  const auto number = json.get<std::int64_t>();
  value = static_cast<T>(number);
  return std::in_range<T>(number);
}

template <class T>
bool convert(const Json& json, std::vector<T>& values) {
  if (!json.is_array()) return false;
  values.resize(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (!convert(json[i], values[i])) return false;
  }
  return true;
}

template <class T>
void read_as(JsonReader& reader, const char* key, T& value, const char* kind) {
  const Json& json = reader.at(key);
  if (!convert(json, value)) {
    const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    throw reader.error(fmt::format("{} must be {}, but is {}", key, kind, text.substr(0, 60)));
  }
}

}  // namespace

JsonReader::JsonReader(const Json& object, std::string what) : object_(object), what_(std::move(what)) {
  if (!object.is_object()) throw Error(fmt::format("{} must be a JSON object", what_));
}

void JsonReader::read(const char* key, bool& value) { read_as(*this, key, value, "true or false"); }

void JsonReader::read(const char* key, int& value) { read_as(*this, key, value, "a whole number"); }

void JsonReader::read(const char* key, std::int64_t& value) { read_as(*this, key, value, "a whole number"); }

void JsonReader::read(const char* key, std::uint64_t& value) {
  read_as(*this, key, value, "a whole number from 0");
}

void JsonReader::read(const char* key, double& value) { read_as(*this, key, value, "a number"); }

void JsonReader::read(const char* key, std::string& value) { read_as(*this, key, value, "a text"); }

void JsonReader::read(const char* key, std::vector<double>& values) {
  read_as(*this, key, values, "a list of numbers");
}

void JsonReader::read(const char* key, std::vector<int>& values) {
  read_as(*this, key, values, "a list of whole numbers");
}

void JsonReader::read(const char* key, std::vector<std::int64_t>& values) {
  read_as(*this, key, values, "a list of whole numbers");
}

void JsonReader::read(const char* key, std::vector<std::string>& values) {
  read_as(*this, key, values, "a list of texts");
}

bool JsonReader::has(const char* key) {
  asked_.emplace_back(key);
  return object_.contains(key);
}

const Json& JsonReader::at(const char* key) {
  if (!has(key)) throw error(fmt::format("the key `{}` is missing", key));
  return object_.at(key);
}

std::vector<Json> JsonReader::list(const char* key) {
  const Json& json = at(key);
  if (!json.is_array()) throw error(fmt::format("{} must be a list", key));
  return {json.begin(), json.end()};
}

void JsonReader::finish() const {
  for (const auto& [key, value] : object_.items()) {
    if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) {
      throw error(fmt::format("there is no key `{}`{}", key, did_you_mean(key, asked_)));
    }
  }
}

Error JsonReader::error(const std::string& message) const {
  return Error(fmt::format("{}: {}", what_, message));
}

}  // namespace oldiron
