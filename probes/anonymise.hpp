// Takes out of recorded files what tells whose machine it is.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace oldiron {

/// Path -> text, both without names, serial numbers and ids; the same name gets the same stand-in everywhere. Files that
/// may hold anything are cut to the lines that the probes understand.
std::map<std::string, std::string> anonymous_files(const std::map<std::string, std::string>& files,
                                                   const std::string& host_name);

}  // namespace oldiron
