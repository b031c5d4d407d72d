// Facts: how a machine is set up, each with where it was read, or why it is not known and how to get it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/check.hpp"

namespace oldiron {

enum class FactGroup : std::uint8_t { cpu, memory, limits, guest, firmware };

/// How people read a fact: `limit` are bytes, of which -1 means that there is none.
enum class FactUnit : std::uint8_t { text, count, bytes, limit, hz, cpus, fraction, flag };

template <class T>
struct Fact {
  Available<T> value = Available<T>::not_available("not read");
  std::string source = {};      ///< where it was read
  std::string how_to_get = {};  ///< if it is not known; empty: nothing helps

  static Fact known(T value, std::string source) { return {std::move(value), std::move(source), {}}; }

  static Fact unknown(std::string reason, std::string how_to_get = {}) {
    return {Available<T>::not_available(std::move(reason)), {}, std::move(how_to_get)};
  }

  explicit operator bool() const { return static_cast<bool>(value); }

  const T& operator*() const { return *value; }

  bool operator==(const Fact&) const = default;
};

/// State and settings, read again whenever they matter; never part of a fingerprint.
struct Facts {
#define FACT(type, name, unit, group, label) Fact<type> name = {};
#include "core/facts.def"
#undef FACT
  bool operator==(const Facts&) const = default;
};

/// One fact of any type, for screens.
struct FactView {
  std::string_view name, label;
  FactGroup group = FactGroup::cpu;
  std::string text;  ///< "2.40 GHz", "off"; empty: not known
  std::string source, reason, how_to_get;
};

/// All of them, in the order of core/facts.def.
std::vector<FactView> fact_views(const Facts& facts);

std::string_view to_string(FactGroup group);

}  // namespace oldiron
