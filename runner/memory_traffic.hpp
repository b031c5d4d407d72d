// What the memory controllers count, by likwid's command-line tool: its library may end the process, and its
// licence is another.
#pragma once

#include <memory>

#include "runner/meter.hpp"

namespace oldiron {

/// Bytes per second that all memory controllers deliver, of everybody on the machine; each reading is a run
/// of one second. Or why the tool cannot count them here.
Available<std::unique_ptr<Meter>> find_memory_traffic(const RunShort& run = {});

/// Of `likwid-perfctr -O -g MEM`: reads if they are told apart, else all traffic.
Available<double> parse_likwid_traffic(std::string_view out);

}  // namespace oldiron
