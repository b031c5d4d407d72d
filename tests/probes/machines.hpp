// Where the recorded machines lie.
#pragma once

#include <string>

namespace oldiron {

inline std::string machine_tree(const std::string& name) { return OLDIRON_TEST_DATA "/machines/" + name; }

}  // namespace oldiron
