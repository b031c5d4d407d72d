// What the runner's test program can be besides a test: tests start it again as another process.
#pragma once

#include <string>
#include <vector>

#include "tests/marked.hpp"

namespace oldiron::test {

/// Roles of the program. "guard": the guard. "holder": keeps a guarded engine until it is killed or
/// interrupted. "worker": serves trials; the workload's name says how each goes (roles_test.cpp).
int run_role(const std::string& role, const std::vector<std::string>& arguments);
bool is_role(const std::string& role);

}  // namespace oldiron::test
