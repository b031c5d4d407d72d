// What the runner's test program can be besides a test: tests start it again as another process.
#pragma once

#include <string>
#include <vector>

namespace oldiron::test {

/// Processes of this machine that carry `mark` in the environment that they were started with.
std::vector<int> marked_processes(const std::string& mark);

/// Waits up to `seconds` until as many processes carry the mark; the last count seen.
int wait_for_marked(const std::string& mark, int count, double seconds);

/// A mark that no other process has.
std::string new_mark();

inline constexpr const char* kMark = "OLDIRON_TEST_MARK";

/// Roles of the program. "guard": the guard. "holder": keeps a guarded engine until it is killed or
/// interrupted. "worker": serves trials; the workload's name says how each goes (roles_test.cpp).
int run_role(const std::string& role, const std::vector<std::string>& arguments);
bool is_role(const std::string& role);

}  // namespace oldiron::test
