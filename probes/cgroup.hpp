// Control groups, version 1 and 2: what this process may take of the machine, over all parents that can be
// seen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oldiron {

struct CgroupLimits {
  double cpu_quota = 0;                 ///< in CPUs, the least of all levels; 0: none
  std::int64_t memory_free_bytes = -1;  ///< limit minus use, the least of all levels; -1: no limit
  std::int64_t memory_limit_bytes = -1;  ///< the least of all levels; -1: none
  std::int64_t throttled = 0;           ///< periods in which it was stopped, since its birth
  double throttled_s = 0;
  bool operator==(const CgroupLimits&) const = default;
};

/// Reads /proc/self/cgroup, /proc/self/mountinfo and the groups below `root`. What cannot be read sets no
/// limit.
///
/// Use does not count page cache of files: the kernel gives it back before it kills for memory.
CgroupLimits read_cgroup(const std::string& root = "/");

}  // namespace oldiron
