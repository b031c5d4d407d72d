// Wall time for measuring and for stamping.
#pragma once

#include <string>

namespace oldiron {

/// Seconds on a steady clock.
double now_s();

/// "2026-11-20T18:53:10Z".
std::string utc_now();

}  // namespace oldiron
