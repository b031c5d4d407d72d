// What tools of an engine answer about themselves, kept on disk by the contents of their file and of every library that it loads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runner/discover.hpp"

namespace oldiron {

/// The shared libraries that the loader takes for a program, in its words: "libfoo.so => /path/libfoo.so (0x…)".
struct LoadedLibraries {
  std::vector<std::string> paths = {};
  std::vector<std::string> missing = {};  ///< names
};

LoadedLibraries libraries_of_listing(std::string_view listing);

class KeptAnswers {
 public:
  /// `dir` empty: nothing is kept.
  explicit KeptAnswers(std::string dir, RunCommand run = ask_guarded) : dir_(std::move(dir)), run_(std::move(run)) {}

  /// As argv ended and what it printed, now or when a program of the same contents with the same libraries was asked so. What
  /// died of a signal, did not end or did not start is not kept, nor what a script said. `question` stands for the words behind the program where
  /// they hold something of the moment. Throws as the RunCommand does.
  CommandResult ask(const std::vector<std::string>& argv, double timeout_s, std::string question = "");

  /// ask() for those who know nothing of it; it must not outlive this.
  RunCommand as_run();

  /// Asked of the loader, once for each program.
  const LoadedLibraries& libraries(const std::string& program);

 private:
  /// Of its file, its libraries and the back ends beside it; a file that cannot be read counts by its name.
  std::string contents_of(const std::string& program);
  std::uint64_t hash_of_file(const std::string& path);

  std::string dir_;
  RunCommand run_;
  std::map<std::string, LoadedLibraries> libraries_;
  std::map<std::string, std::uint64_t> hashes_;
};

/// XDG_CACHE_HOME/oldiron/engines, else ~/.cache/oldiron/engines; empty if there is no home.
std::string engine_cache_dir();

}  // namespace oldiron
