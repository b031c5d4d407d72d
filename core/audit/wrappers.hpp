// What numactl, taskset and nice in front of a tool set, read from their own options, and what that does on a machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/audit/flag_record.hpp"
#include "core/audit/pasted_line.hpp"
#include "core/machine.hpp"

namespace oldiron {

struct WrapperSetting {
  enum class Kind : std::uint8_t {
    interleave,  ///< memory from these NUMA nodes in turns
    membind,     ///< from these alone
    node_cpus,   ///< the CPUs of these nodes
    local,       ///< memory of the node that touches it first, as without
    cpus,        ///< these CPUs
    nice,        ///< added to the priority's number
    other,       ///< not read
  };
  Kind kind = Kind::other;
  std::string text = {};           ///< as it stands there: "-c 0-3"
  std::vector<int> numbers = {};   ///< nodes, CPUs, or the one number of nice; empty: all nodes
  bool operator==(const WrapperSetting&) const = default;
};

/// "0-3,8"; nothing if it is no such list, or names a number above 4095.
std::optional<std::vector<int>> number_list(std::string_view text);

/// Of numactl, taskset and nice; of other wrappers nothing.
std::vector<WrapperSetting> settings_of(const Wrapper& wrapper);

/// What decides over a wrapper beside its own words.
struct WrapperSurroundings {
  const Machine& machine;  ///< no cores: not known
  bool root = false;       ///< or sudo stands in front
  int threads = 0;         ///< of -t; 0: not given
};

struct WrapperVerdict {
  FlagVerdict verdict = FlagVerdict::unknown;
  std::string why = {};
};

/// Nothing of a wrapper that settings_of() does not read.
std::optional<WrapperVerdict> judge_wrapper(const Wrapper& wrapper, const WrapperSurroundings& around);

}  // namespace oldiron
