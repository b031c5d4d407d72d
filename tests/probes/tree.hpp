// A small /proc and /sys of a test's own, in a folder that goes with the object.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace oldiron {

class Tree {
 public:
  Tree() {
    std::string name = (std::filesystem::temp_directory_path() / "oldiron_tree_XXXXXX").string();
    folder_ = std::shared_ptr<std::string>(new std::string(mkdtemp(name.data())), [](std::string* path) {
      std::error_code ignored;
      std::filesystem::remove_all(*path, ignored);
      delete path;
    });
  }

  /// Writes a file, over an older one.
  Tree& add(const std::string& path, const std::string& content) {
    const std::filesystem::path whole = *folder_ + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << content;
    return *this;
  }

  const std::string& root() const { return *folder_; }

 private:
  std::shared_ptr<std::string> folder_;
};

}  // namespace oldiron
