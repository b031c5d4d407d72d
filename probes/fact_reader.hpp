// FactReader: turns files below a root folder into facts, and a file that cannot be read into the reason why.
#pragma once

#include <string>

#include "core/facts.hpp"
#include "core/machine.hpp"

namespace oldiron {

class FactReader {
 public:
  FactReader(std::string root, const Machine& machine) : root_(std::move(root)), machine_(machine) {}

  const std::string& root() const { return root_; }

  const Machine& machine() const { return machine_; }

  bool guest() const { return !machine_.hypervisor.empty(); }

  /// The file's text, trimmed.
  Fact<std::string> text(const std::string& path, const std::string& how_to_get = "") const;

  /// The number that the file begins with, times `scale`.
  Fact<std::int64_t> number(const std::string& path, std::int64_t scale = 1) const;

  /// A file of 1 or 0, of Y or N.
  Fact<bool> flag(const std::string& path) const;

  /// "no /sys/x here", or that only root may read it.
  std::string why_not(const std::string& path) const;

 private:
  std::string root_;
  const Machine& machine_;
};

// Each fills the facts of its group.
void read_cpu_facts(const FactReader& reader, Facts& facts);
void read_memory_facts(const FactReader& reader, Facts& facts);
void read_limit_facts(const FactReader& reader, Facts& facts);
void read_guest_facts(const FactReader& reader, Facts& facts);
void read_firmware_facts(const FactReader& reader, Facts& facts);

}  // namespace oldiron
