#include "probes/doctor/doctor.hpp"

#include <fmt/format.h>

namespace oldiron {

Diagnosis diagnose(const Patient& patient) {
  Diagnosis diagnosis;
  for (const auto rules : {cpu_rules(), memory_rules(), guest_rules()})
    for (const Rule& rule : rules) {
      RuleVerdict verdict = rule.look(patient);
      if (verdict.finding)
        diagnosis.findings.push_back(std::move(*verdict.finding));
      else if (!verdict.unknown.empty())
        diagnosis.not_checked.push_back(fmt::format("{}: {}", rule.looks_at, verdict.unknown));
      else
        diagnosis.fine.emplace_back(rule.looks_at);
    }
  rank(diagnosis.findings);
  return diagnosis;
}

std::string as_root(const Patient& patient, const std::string& command) {
  return patient.root ? command : "sudo " + command;
}

std::string write_value(const Patient& patient, const std::string& value, const std::string& path) {
  return fmt::format("echo {} | {}", value, as_root(patient, "tee " + path));
}

bool in_container(const Patient& patient) {
  return patient.facts.container && *patient.facts.container != "none seen";
}

Place kernel_place(const Patient& patient) { return in_container(patient) ? Place::container_host : Place::here; }

}  // namespace oldiron
