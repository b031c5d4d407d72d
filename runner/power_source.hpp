// Who can tell how many watts the machine draws: RAPL, likwid, the server's own controller, or the user.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/check.hpp"
#include "runner/meter.hpp"

namespace oldiron {

/// A meter of watts.
struct PowerSource {
  std::unique_ptr<Meter> meter;
  bool whole_machine = false;
};

/// What the user knows of the machine's power.
struct PowerRequest {
  double loaded_w = 0;  ///< 0: not told
  double idle_w = 0;    ///< 0: not told
  std::string command = {};  ///< prints a number of watts; empty: there is none
  bool operator==(const PowerRequest&) const = default;
};

/// "140" or "60,140": loaded, or idle and loaded. Throws Error.
PowerRequest parse_watts(const std::string& text);

/// The first that answers of: what the user says, RAPL, likwid-powermeter, ipmitool; else what each of them
/// said. A command that gives no watts is an Error.
Available<PowerSource> find_power_source(const PowerRequest& request, const std::string& root = "/",
                                         const RunShort& run = {});

/// The number that a user's command prints first.
Available<double> parse_power_command(std::string_view out);

/// Of `likwid-powermeter -s 1s`: all sockets' PKG and DRAM.
Available<double> parse_likwid_power(std::string_view out);

/// Of `ipmitool dcmi power reading`.
Available<double> parse_dcmi_power(std::string_view out);

}  // namespace oldiron
