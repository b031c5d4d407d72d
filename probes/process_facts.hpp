// What a running process, such as somebody else's engine, does with memory and CPUs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/check.hpp"

namespace oldiron {

struct ProcessThread {
  int id = 0;
  std::vector<int> cpus = {};  ///< that it may run on
  double busy = 0;             ///< CPUs' worth of time while it was watched
  bool operator==(const ProcessThread&) const = default;
};

/// The largest file that it has mapped: its model, if it maps one.
struct MappedFile {
  std::string path = {};
  std::int64_t bytes = 0, resident_bytes = 0;
  bool operator==(const MappedFile&) const = default;
};

struct ProcessFacts {
  int pid = 0;
  std::string name = {};
  std::int64_t resident_bytes = 0, swapped_bytes = 0, locked_bytes = 0;
  std::int64_t anonymous_bytes = 0;
  std::int64_t major_faults = 0;       ///< since its start
  double watched_s = 0;                ///< of what follows
  double major_faults_per_s = 0;
  std::vector<ProcessThread> threads = {};
  /// Of smaps and numa_maps, which only its owner and root may read.
  Available<std::int64_t> huge_page_bytes = Available<std::int64_t>::not_available("not read");
  Available<MappedFile> model = Available<MappedFile>::not_available("not read");
  Available<std::vector<std::int64_t>> node_bytes = Available<std::vector<std::int64_t>>::not_available("not read");
  std::string memory_policy = {};  ///< of most of that memory, as the kernel writes it: "default", "interleave:0-1"

  /// CPUs' worth of time of all threads.
  double busy() const;
  /// Threads that used a tenth of a CPU at least.
  int busy_threads() const;
};

/// Looks twice at /proc/`pid` below `root`, `watch_s` apart. Throws Error if there is no such process.
ProcessFacts read_process(int pid, const std::string& root = "/", double watch_s = 1);

}  // namespace oldiron
