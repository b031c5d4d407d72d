// The version this program reports.
#pragma once

#include <string>

namespace oldiron {

/// "0.1.0".
std::string version();

}  // namespace oldiron
