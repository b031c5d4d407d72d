// The guard: a process between us and a trial's process, so that nothing outlives us. The protocol is frozen (docs/guard.md).
#pragma once

#include <string>
#include <vector>

namespace oldiron {

inline constexpr int kLifeline = 3, kReport = 4;  ///< the guard's descriptors

/// Protocol. The parent starts `oldiron guard -- ARGV…` with two pipes: file descriptor 3 is the lifeline's read end, 4 is
/// the report's write end; 0, 1, 2 belong to the child and pass through. The guard makes its own session, ignores SIGHUP,
/// SIGINT, SIGTERM and SIGPIPE, becomes a child subreaper, starts ARGV in a process group of its own with parent-death
/// signal SIGKILL, and waits. When the lifeline reads end-of-file (the parent is gone, however it went) or a byte 'k', it
/// kills the group and every descendant that was reparented to it. When the child ends, it does the same to what the child
/// left behind, writes one line of JSON to descriptor 4,
///   {"pid": N, "exit": CODE or -1, "signal": N or 0, "max_rss_bytes": N, "user_s": x, "system_s": x, "wall_s": x}
/// and exits 0. If the child cannot be started: {"error": "…"} and exit 127.
int guard_main(const std::vector<std::string>& argv);

}  // namespace oldiron
