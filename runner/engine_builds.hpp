// Engine builds: folders that hold tools of llama.cpp or ik_llama.cpp, who they are, and what each tool accepts.
#pragma once

#include <string>
#include <vector>

#include "core/engine_build.hpp"
#include "runner/discover.hpp"

namespace oldiron {

/// How builds are looked for.
struct BuildSearch {
  std::string dir = {};        ///< empty: the folders of PATH
  std::string cache_dir = {};  ///< of answers; empty: none
  RunCommand run = ask_guarded;
};

/// The builds in a folder, its bin and build/bin, and two levels below, or in the folders of PATH. A tool that cannot be used is one
/// sentence. Throws Error if there is no such folder; nothing found is an empty list.
std::vector<EngineBuild> find_engine_builds(const BuildSearch& search);

}  // namespace oldiron
