// JSON of the facts.
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/json_reader.hpp"

namespace oldiron {
namespace {

template <class T>
Json fact_to_json(const Fact<T>& fact) {
  if (fact) return {{"value", *fact}, {"source", fact.source}};
  Json json = {{"not_available", fact.value.reason()}};
  if (!fact.how_to_get.empty()) json["how_to_get"] = fact.how_to_get;
  return json;
}

template <class T>
Fact<T> fact_from_json(const Json& json, const std::string& what) {
  JsonReader reader(json, what);
  Fact<T> fact;
  if (reader.has("not_available")) {
    std::string reason;
    reader.read("not_available", reason);
    if (reader.has("how_to_get")) reader.read("how_to_get", fact.how_to_get);
    fact.value = Available<T>::not_available(reason);
  } else {
    T value{};
    reader.read("value", value);
    reader.read("source", fact.source);
    fact.value = value;
  }
  reader.finish();
  return fact;
}

}  // namespace

Json to_json(const Facts& facts) {
  Json json = Json::object();
#define FACT(type, name, unit, group, label) json[#name] = fact_to_json(facts.name);
#include "core/facts.def"
#undef FACT
  return json;
}

Facts facts_from_json(const Json& json) {
  JsonReader reader(json, "facts");
  Facts facts;
  // A file may be older than a fact.
#define FACT(type, name, unit, group, label) \
  if (reader.has(#name)) facts.name = fact_from_json<type>(reader.at(#name), "facts." #name);
#include "core/facts.def"
#undef FACT
  reader.finish();
  return facts;
}

}  // namespace oldiron
