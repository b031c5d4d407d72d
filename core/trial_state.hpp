// What two trials that are compared do not share, though neither asked for it: the state of memory around them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/trial.hpp"

namespace oldiron {

/// A sentence for each difference in page cache, huge pages obtained, swap and NUMA nodes that no lever of theirs
/// explains; empty if there is none, or nothing was read. The names stand in the sentences: "the default".
std::vector<std::string> state_differences(const Trial& a, std::string_view a_name, const Trial& b, std::string_view b_name);

}  // namespace oldiron
