// The file that `oldiron facts` writes as root: the little that only root may read, for every later run of any user.
#pragma once

#include <optional>
#include <string>

#include "core/facts.hpp"
#include "core/machine.hpp"

namespace oldiron {

/// Where it lies, below the root folder.
inline constexpr const char* kFactsFile = "/var/lib/oldiron/facts.json";

/// What only root reads, and of which machine.
struct RootFacts {
  std::string cpu_model = {};
  std::int64_t memory_bytes = 0;
  Available<MemoryModules> modules = Available<MemoryModules>::not_available("not read");
  Fact<std::string> prefetchers = {};
};

/// Of a machine that was read as root; nothing if root had nothing to add to it.
std::optional<RootFacts> root_facts(const Machine& machine, const Facts& facts);

std::string root_facts_json(const RootFacts& facts);

/// Reads the file below `root`; says why if there is none, if it is damaged, or of a machine of another CPU or amount
/// of memory.
Available<RootFacts> read_root_facts(const std::string& root = "/");

}  // namespace oldiron
