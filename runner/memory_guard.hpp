// Ends a trial before it takes the memory that others live on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/machine.hpp"

namespace oldiron {

/// Looked at while a child runs. It stops for memory that has become short since the trial was judged to fit,
/// by whoever took it.
class MemoryGuard {
 public:
  struct Sources {
    std::function<MachineState()> state;   ///< empty: of this machine
    std::function<double()> full_stall_s;  ///< all tasks waited for memory; empty: of this machine
    std::function<double()> clock_s;       ///< empty: now_s()
  };

  explicit MemoryGuard(std::int64_t leave_bytes);
  MemoryGuard(std::int64_t leave_bytes, Sources sources);

  /// A sentence if the trial must end now: less is free than shall be left (or than the kernel itself needs),
  /// or all tasks of the machine waited for memory for most of the time since the last look.
  std::string why_stop();

 private:
  std::int64_t leave_bytes_;
  Sources sources_;
  double last_s_ = -1, last_stall_s_ = 0;
};

/// "8G", "512M", "1.5G" or bytes; powers of 1024, as free and top count. Throws Error naming `option`.
std::int64_t parse_bytes(const char* option, const std::string& text);

/// From now on this process and its children leave the last `n` cores to others. Throws Error if that leaves
/// none.
void leave_cores(int n);

}  // namespace oldiron
