// What happened to our process while steps were timed: page faults, and a cgroup quota that stopped or
// shrank.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/team.hpp"
#include "probes/cgroup.hpp"
#include "probes/sample_watch.hpp"

namespace oldiron {

/// Watches between steps, so that it costs no step anything. Where the quota no longer lets all threads run
/// at once the team gives way: it sleeps where it would spin.
class TrialWatch {
 public:
  TrialWatch(
      Team& team, int threads, std::function<CgroupLimits()> read = [] { return read_cgroup(); });

  /// Around a step that is timed for a sample.
  void begin_step();
  void end_step();

  /// Looks at the quota if the last look is a while ago; also between steps that are no part of a sample.
  void look();

  /// The samples of one metric begin; end; and have all been taken: which of them something hit.
  void begin_samples();
  void end_sample();
  std::vector<Disturbed> end_samples();

  /// One sentence per disturbance, with what to do about it: "noisy: …". Looks once more.
  std::vector<std::string> tags();

 private:
  void look_now();

  Team& team_;
  int threads_;
  std::function<CgroupLimits()> read_;
  CgroupLimits before_, now_;
  double looked_s_ = 0;
  std::int64_t faults_ = 0, faults_before_ = 0;
  int steps_ = 0;
  std::optional<SampleWatch> samples_;
};

}  // namespace oldiron
