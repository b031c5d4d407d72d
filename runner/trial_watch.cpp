#include "runner/trial_watch.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <utility>

#include "core/clock.hpp"
#include "core/machine.hpp"
#include "core/text.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

// A quota stops for up to its period of 0.1 s; a look takes 0.1 ms or so.
constexpr double kLookEvery_s = 0.1;
// A small page costs 0.5 us, a huge one 0.1 ms or more: a few a step are lost in a step of 10 ms.
constexpr std::int64_t kFewFaults = 4;

std::int64_t minor_faults() {
  rusage usage{};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_minflt : 0;
}

bool nodes_are_balanced() { return read_number("/proc/sys/kernel/numa_balancing").value_or(0) > 0; }

}  // namespace

TrialWatch::TrialWatch(Team& team, int threads, std::function<CgroupLimits()> read)
    : team_(team),
      threads_(threads),
      read_(std::move(read)),
      before_(read_()),
      now_(before_),
      looked_s_(now_s()) {}

void TrialWatch::begin_step() { faults_before_ = minor_faults(); }

void TrialWatch::end_step() {
  faults_ += minor_faults() - faults_before_;
  ++steps_;
  look();
}

void TrialWatch::begin_samples() { samples_.emplace(); }

void TrialWatch::end_sample() { samples_->end_sample(); }

std::vector<Disturbed> TrialWatch::end_samples() { return samples_->finish(); }

void TrialWatch::look() {
  if (now_s() - looked_s_ >= kLookEvery_s) look_now();
}

void TrialWatch::look_now() {
  now_ = read_();
  looked_s_ = now_s();
  const bool fits = why_too_many_threads(threads_, {.cpu_quota = now_.cpu_quota}).empty();
  if (now_.throttled > before_.throttled || !fits) team_.give_way();
}

std::vector<std::string> TrialWatch::tags() {
  look_now();
  std::vector<std::string> tags;
  const std::string too_many = why_too_many_threads(threads_, {.cpu_quota = now_.cpu_quota});
  const std::int64_t stopped = now_.throttled - before_.throttled;
  if (stopped > 0)
    tags.push_back(fmt::format(
        "noisy: throttled: the cgroup's CPU quota stopped it {} times, {} in all; {}", stopped,
        seconds_text(now_.throttled_s - before_.throttled_s),
        too_many.empty() ? "leave the group to it alone, use fewer threads or raise the quota" : too_many));
  else if (!too_many.empty()) tags.push_back("noisy: the quota fell during the trial: " + too_many);
  if (faults_ > kFewFaults * steps_)
    tags.push_back(fmt::format("noisy: {} page faults in {} timed steps; {}", faults_, steps_,
                               nodes_are_balanced()
                                   ? "run `sysctl kernel.numa_balancing=0` as root, as the kernel moves pages"
                                   : "free memory, as pages that were touched before are taken away"));
  return tags;
}

}  // namespace oldiron
