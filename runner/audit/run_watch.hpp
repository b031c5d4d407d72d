// Looking at a running tool through /proc, often at first and then each second.
#pragma once

#include <map>
#include <string>

#include "runner/audit/evidence.hpp"
#include "runner/guarded_child.hpp"

namespace oldiron {

class RunWatch {
 public:
  /// `model`: the file whose mapping is looked for.
  explicit RunWatch(std::string model);

  /// Looks at the child, if it is time to.
  void look(const GuardedChild& child, bool now = false);

  RunSeen seen() const;

 private:
  std::string model_;
  RunSeen seen_;
  std::map<int, double> thread_cpu_s_;  ///< by thread, as last seen
  double next_s_ = 0;
};

}  // namespace oldiron
