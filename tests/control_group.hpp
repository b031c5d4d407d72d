// A real control group, where this machine lets a test make one.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace oldiron {

/// A group below the root of one controller, version 1 or 2, gone at the end. Not made if we are not root, or
/// in a container.
class ControlGroup {
 public:
  /// `controller`: "cpu" or "memory".
  explicit ControlGroup(const std::string& controller) {
    for (const std::string& mount :
         {"/sys/fs/cgroup/" + controller, "/sys/fs/cgroup/" + controller + ",cpuacct",
          std::string("/sys/fs/cgroup")}) {
      const std::string path = mount + "/oldiron_test_" + controller + "_" + std::to_string(getpid());
      if (mkdir(path.c_str(), 0755) != 0) continue;
      path_ = path;
      if (controller == "cpu" ? limit_cpus(1) : limit_memory(1 << 30)) return;
      rmdir(path.c_str());
      path_.clear();
    }
  }

  ~ControlGroup() {
    if (!path_.empty()) rmdir(path_.c_str());
  }

  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;

  bool made() const { return !path_.empty(); }

  bool limit_cpus(double cpus) const {
    const std::string quota_us = std::to_string(static_cast<int>(cpus * 100'000));
    return write("cpu.max", quota_us + " 100000") || write("cpu.cfs_quota_us", quota_us);
  }

  bool limit_memory(long bytes) const {
    return write("memory.max", std::to_string(bytes)) ||
           write("memory.limit_in_bytes", std::to_string(bytes));
  }

  /// The calling process, with all its threads.
  bool enter() const { return write("cgroup.procs", std::to_string(getpid())); }

 private:
  bool write(const std::string& name, const std::string& text) const {
    const std::string path = path_ + "/" + name;
    if (access(path.c_str(), W_OK) != 0) return false;
    std::ofstream file(path);
    file << text << std::flush;
    return file.good();
  }

  std::string path_;
};

}  // namespace oldiron
