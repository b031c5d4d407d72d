// What a tool of an engine answers about itself, kept on disk by the contents of its file and of every library that it loads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/check.hpp"
#include "core/config.hpp"

namespace oldiron {

struct ToolAnswers {
  std::vector<std::string> flags = {};  ///< sorted
  std::optional<Engine> engine = {};      ///< nothing: its flags are both engines'
  int build = 0;                          ///< 0: it does not tell
  std::string commit = {};
  std::vector<std::string> features = {};  ///< empty: it does not tell
  bool operator==(const ToolAnswers&) const = default;
};

/// Contents of files, each read once.
class FileHashes {
 public:
  /// Of all files together, in any order; a file that cannot be read counts by its name.
  std::string of(std::vector<std::string> paths);

 private:
  std::map<std::string, std::uint64_t> hashes_;
};

class ToolAnswerCache {
 public:
  /// `dir` empty: nothing is kept.
  explicit ToolAnswerCache(std::string dir) : dir_(std::move(dir)) {}

  Available<ToolAnswers> find(const std::string& key) const;

  /// A folder that cannot be written to is no error.
  void keep(const std::string& key, const ToolAnswers& answers) const;

 private:
  std::string dir_;
};

}  // namespace oldiron
