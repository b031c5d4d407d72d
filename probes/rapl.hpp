// RAPL: the energy counters of packages and memory, as the kernel's powercap shows them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/check.hpp"

namespace oldiron {

/// Counts the energy of all packages and their DRAM since it was opened. Parts of a package (core, uncore)
/// are in it already; psys, which some laptops have, overlaps and is left out.
class Rapl {
 public:
  /// The zones of /sys/class/powercap below `root`, or why they cannot be read and how they could.
  static Available<Rapl> open(const std::string& root = "/");

  /// Joules since open(). A counter that has begun anew at its end is understood if it did so once since the
  /// last call: at 100 W most do every three quarters of an hour. Not available once a counter cannot be read
  /// any more.
  Available<double> joules();

  /// "2 packages and 2 DRAM".
  std::string zones() const;

 private:
  struct Zone {
    std::string name, path;
    std::int64_t range_uj = 0, last_uj = 0;
  };

  std::vector<Zone> zones_;
  double total_j_ = 0;
};

}  // namespace oldiron
