// A command line as files that start it: a shell script, and a unit for systemd. Every word means itself in both.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace oldiron::reports {

/// A POSIX script that becomes the program. `argv`: as a shell line has it, VAR=value words in front of the program included.
/// `about`: one line on what it is.
std::string launch_script(const std::vector<std::string>& argv, const std::string& about);

/// What a service runs, and in which surroundings.
struct Service {
  std::string about = {};
  std::vector<std::string> argv = {};  ///< the program's own path, absolute, and its arguments
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::vector<int> cpus = {};      ///< that it is kept to; empty: any
  std::string numa_policy = {};    ///< "interleave", "bind"; empty: the kernel's own
  std::vector<int> numa_nodes = {};  ///< of the policy; empty: all
  bool locks_memory = false;       ///< then the limit of 8 MB that services have is lifted
};

std::string launch_unit(const Service& service);

/// Whether a llama-server with these arguments locks the model in memory.
bool locks_memory(const std::vector<std::string>& argv);

}  // namespace oldiron::reports
