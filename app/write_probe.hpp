// Writing what a probe found into a folder.
#pragma once

#include <string>
#include <vector>

#include "reports/screens.hpp"

namespace oldiron {

/// Writes probe.json, probe.txt and the charts, and removes an older chart where there is none now. Returns a
/// sentence for each chart that is not there.
std::vector<std::string> write_probe(const reports::ProbeScreen& screen, const std::string& dir);

}  // namespace oldiron
