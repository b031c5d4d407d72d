// Marked processes: a test gives a child a variable that no other process has, and finds whatever inherited
// it.
#pragma once

#include <dirent.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"

namespace oldiron::test {

inline constexpr const char* kMark = "OLDIRON_TEST_MARK";

/// Processes of this machine that carry `mark` in the environment that they were started with.
inline std::vector<int> marked_processes(const std::string& mark) {
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

/// Waits up to `seconds`, counted in naps, until as many processes carry the mark; the last count seen.
inline int wait_for_marked(const std::string& mark, int count, double seconds) {
  constexpr double kNap_s = 0.01;
  int seen = static_cast<int>(marked_processes(mark).size());
  for (double waited_s = 0; seen != count && waited_s < seconds; waited_s += kNap_s) {
    std::this_thread::sleep_for(std::chrono::duration<double>(kNap_s));
    seen = static_cast<int>(marked_processes(mark).size());
  }
  return seen;
}

/// A mark that no other process has.
inline std::string new_mark() {
  static int counter = 0;
  return std::to_string(getpid()) + "-" + std::to_string(++counter) + "-" + std::to_string(now_s());
}

}  // namespace oldiron::test
