// JsonReader: reads one JSON object key by key, and refuses what is missing, mistyped or left over.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/check.hpp"

namespace oldiron {

class JsonReader {
 public:
  /// `what` names the object in errors: "trial.spec". Keeps a reference to `object`. Throws Error if it is no
  /// object.
  JsonReader(const nlohmann::json& object, std::string what);

  /// Each reads one key into `value`. Throws Error if it is missing or of another kind.
  void read(const char* key, bool& value);
  void read(const char* key, int& value);
  void read(const char* key, std::int64_t& value);
  void read(const char* key, std::uint64_t& value);
  void read(const char* key, double& value);
  void read(const char* key, std::string& value);
  void read(const char* key, std::vector<double>& values);
  void read(const char* key, std::vector<int>& values);
  void read(const char* key, std::vector<std::int64_t>& values);
  void read(const char* key, std::vector<std::string>& values);

  bool has(const char* key);

  /// The value itself, whatever it is.
  const nlohmann::json& at(const char* key);

  /// The elements of an array.
  std::vector<nlohmann::json> list(const char* key);

  /// Throws Error for the first key that nothing asked for, with the nearest one that was asked for.
  void finish() const;

  /// "trial.spec: `message`".
  Error error(const std::string& message) const;

 private:
  const nlohmann::json& object_;
  std::string what_;
  std::vector<std::string> asked_;
};

}  // namespace oldiron
