// The test program's main, and the roles that it plays as a child of its own tests.
#include "tests/runner/roles.hpp"

#include <dirent.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "core/clock.hpp"
#include "runner/guard.hpp"
#include "runner/guarded_child.hpp"
#include "runner/signals.hpp"

namespace oldiron::test {
namespace {

int hold(const std::vector<std::string>& argv) {
  install_interrupt_handlers();
  Command command;
  command.argv = argv;
  try {
    GuardedChild child(command);
    child.wait(HUGE_VAL);
    return 3;  // the engine ended by itself, which no test asks for
  } catch (const Interrupted&) {
    return kExitInterrupted;
  }
}

}  // namespace

std::vector<int> marked_processes(const std::string& mark) {
  std::vector<int> found;
  DIR* proc = opendir("/proc");
  while (const dirent* entry = readdir(proc)) {
    const int pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    std::ifstream file("/proc/" + std::to_string(pid) + "/environ");
    std::ostringstream environment;
    environment << file.rdbuf();
    if (environment.str().find(std::string(kMark) + "=" + mark) != std::string::npos) found.push_back(pid);
  }
  closedir(proc);
  return found;
}

int wait_for_marked(const std::string& mark, int count, double seconds) {
  const double deadline_s = now_s() + seconds;
  int seen = -1;
  do {
    seen = static_cast<int>(marked_processes(mark).size());
    if (seen == count) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  } while (now_s() < deadline_s);
  return seen;
}

std::string new_mark() {
  static int counter = 0;
  return std::to_string(getpid()) + "-" + std::to_string(++counter) + "-" + std::to_string(now_s());
}

bool is_role(const std::string& role) { return role == "guard" || role == "holder"; }

int run_role(const std::string& role, const std::vector<std::string>& arguments) {
  if (role == "guard") return guard_main({arguments.begin() + 1, arguments.end()});
  return hold(arguments);
}

}  // namespace oldiron::test

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && oldiron::test::is_role(arguments[0]))
    return oldiron::test::run_role(arguments[0], {arguments.begin() + 1, arguments.end()});
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
