// Wall time for measuring and for stamping.
#pragma once

#include <cstdint>
#include <string>

namespace oldiron {

/// Seconds on a steady clock.
double now_s();

/// A count that grows evenly, for durations on one thread: the time stamp counter where it is invariant (a
/// read takes 10 ns or so, whatever the kernel's clock source), else nanoseconds of now_s()'s clock.
std::uint64_t ticks_now();

/// Seconds of a difference of ticks_now(). The rate is measured once, which may take the first call 10 ms.
double seconds_of(std::uint64_t ticks);

/// "2026-11-20T18:53:10Z".
std::string utc_now();

}  // namespace oldiron
