// The doctor: rules that look at how a machine is set up, and say what it costs and how to change it. Changes nothing.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/facts.hpp"
#include "core/finding.hpp"
#include "core/machine.hpp"
#include "core/text.hpp"

namespace oldiron {

struct Patient {
  Machine machine = {};
  MachineState state = {};
  Facts facts = {};
  bool root = false;  ///< commands need no sudo
  std::optional<HugePageEffect> huge_pages = {};
};

/// What one rule says: a finding, or why it cannot tell, or, with neither, that all is well.
struct RuleVerdict {
  std::optional<Finding> finding = {};
  std::string unknown = {};
};

struct Rule {
  const char* looks_at;  ///< "transparent huge pages"
  RuleVerdict (*look)(const Patient&);
};

// The rules, by what they look at.
std::span<const Rule> cpu_rules();
std::span<const Rule> memory_rules();
std::span<const Rule> guest_rules();

Diagnosis diagnose(const Patient& patient);

// What rules are written with.

inline RuleVerdict fine() { return {}; }

inline std::string bytes(std::int64_t count) { return bytes_text(static_cast<double>(count)); }

template <class T>
RuleVerdict unknown(const Fact<T>& fact) {
  return {.finding = {}, .unknown = fact.value.reason()};
}

/// "tee" as whoever asks: with sudo, or as root without.
std::string as_root(const Patient& patient, const std::string& command);

/// `echo VALUE | sudo tee PATH`.
std::string write_value(const Patient& patient, const std::string& value, const std::string& path);

/// Where settings of the kernel are made: not in a container.
Place kernel_place(const Patient& patient);

bool in_container(const Patient& patient);

}  // namespace oldiron
