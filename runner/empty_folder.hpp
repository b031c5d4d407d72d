// EmptyFolder: where a tool is started that leaves files behind.
#pragma once

#include <string>

namespace oldiron {

/// A new folder among the temporary ones; gone, with what is in it, at the end.
class EmptyFolder {
 public:
  /// Throws Error if there can be none.
  EmptyFolder();
  ~EmptyFolder();
  EmptyFolder(const EmptyFolder&) = delete;
  EmptyFolder& operator=(const EmptyFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace oldiron
