#include "core/facts.hpp"

#include <fmt/format.h>

#include "core/text.hpp"

namespace oldiron {
namespace {

std::string text_of(const std::string& value, FactUnit) { return value; }

std::string text_of(bool value, FactUnit) { return value ? "on" : "off"; }

std::string text_of(double value, FactUnit unit) {
  if (unit == FactUnit::hz) return fmt::format("{:.2f} GHz", value / 1e9);
  if (unit == FactUnit::fraction) return fine_percent_text(value);
  return value > 0 ? fmt::format("{:g}", value) : "none";
}

std::string text_of(std::int64_t value, FactUnit unit) {
  if (unit == FactUnit::limit && value < 0) return "none";
  if (unit == FactUnit::count) return std::to_string(value);
  return value == 0 ? "none" : bytes_text(static_cast<double>(value));
}

template <class T>
FactView view(const Fact<T>& fact, std::string_view name, FactUnit unit, FactGroup group, std::string_view label) {
  FactView view{.name = name, .label = label, .group = group, .text = {}, .source = fact.source,
                .reason = fact.value.reason(), .how_to_get = fact.how_to_get};
  if (fact) view.text = text_of(*fact, unit);
  return view;
}

}  // namespace

std::vector<FactView> fact_views(const Facts& facts) {
  return {
#define FACT(type, name, unit, group, label) view(facts.name, #name, FactUnit::unit, FactGroup::group, label),
#include "core/facts.def"
#undef FACT
  };
}

std::string_view to_string(FactGroup group) {
  switch (group) {
    case FactGroup::cpu:
      return "CPU";
    case FactGroup::memory:
      return "memory";
    case FactGroup::limits:
      return "limits";
    case FactGroup::guest:
      return "guest";
    case FactGroup::firmware:
      return "firmware";
  }
  return "";
}

}  // namespace oldiron
