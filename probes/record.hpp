// A machine in one file: what the probes read of /proc, /sys, firmware and hwloc, without what tells whose it is.
#pragma once

#include <memory>
#include <string>

#include "core/facts.hpp"
#include "core/machine.hpp"

namespace oldiron {

/// JSON: {"schema": 1, "machine", "state", "facts" (as they were understood), "files": {path: text}, "tables": {path:
/// hexadecimal}, "hwloc_xml"}.
///
/// What is recorded is what was read, found out by reading everything once. Host name, serial numbers, asset tags, UUIDs,
/// container ids, names of control groups, disks and unknown kernel options are left out or replaced.
std::string record_machine();

/// A record, unpacked into a folder that goes with the object.
class RecordedMachine {
 public:
  /// Throws Error: no such file, no record, damaged.
  explicit RecordedMachine(const std::string& path);

  /// Whatever takes a root folder reads the recorded machine below this one.
  const std::string& root() const { return *folder_; }

  /// Read anew from the recorded files; ISAs and hypervisor, which come of executing, as they were seen.
  Machine machine() const;
  MachineState state() const;
  Facts facts() const;

 private:
  std::shared_ptr<const std::string> folder_;
  Machine seen_;
};

}  // namespace oldiron
