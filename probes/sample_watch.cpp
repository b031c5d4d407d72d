#include "probes/sample_watch.hpp"

#include <algorithm>
#include <utility>

namespace oldiron {
namespace {

constexpr double kLook_s = 0.2, kLongest_s = 1;
// Reading a thousand processes takes some 10 ms, in which the caches forget what was measured.
constexpr double kProcesses_s = 1;

}  // namespace

SampleWatch::SampleWatch() : SampleWatch(Sources()) {}

SampleWatch::SampleWatch(Sources sources) : sources_(std::move(sources)), processes_(sources_.processes()) {
  last_ = sources_.noise();
  processes_s_ = last_.time_s;
}

void SampleWatch::end_sample() {
  ++samples_;
  if (sources_.clock_s() - last_.time_s >= kLook_s) look(false);
}

void SampleWatch::look(bool last) {
  const NoiseSnapshot now = sources_.noise();
  const bool waits =
      std::any_of(now.threads.begin(), now.threads.end(), [](const ThreadTime& each) { return each.waits; });
  if (waits && !last && now.time_s - last_.time_s < kLongest_s) return;
  Window window{.noise = noise_between(last_, now),
                .first_sample = windows_.empty() ? 0 : windows_.back().end_sample,
                .end_sample = samples_};
  const std::vector<Disturbance> found = disturbances(window.noise);
  const bool somebody = std::any_of(found.begin(), found.end(), [](Disturbance each) {
    return each == Disturbance::neighbour || each == Disturbance::memory_hog;
  });
  last_ = now;
  if (somebody && (!asked_who_ || now.time_s - processes_s_ >= kProcesses_s)) {
    std::vector<ProcessTime> processes = sources_.processes();
    window.noise.neighbour = busiest_between(processes_, processes, now.time_s - processes_s_);
    processes_ = std::move(processes);
    processes_s_ = now.time_s;
    asked_who_ = true;
    last_ = sources_.noise();  // the look around belongs to no sample
  } else if (somebody && asked_who_) {
    window.noise.neighbour = neighbour_;
  }
  if (somebody) neighbour_ = window.noise.neighbour;
  windows_.push_back(std::move(window));
}

std::vector<Disturbed> SampleWatch::tell(std::vector<Window> windows) const {
  std::vector<Disturbed> told;
  std::vector<std::pair<Disturbance, Noise>> found;
  for (const Window& window : windows)
    for (const Disturbance each : disturbances(window.noise)) {
      auto known =
          std::find_if(found.begin(), found.end(), [&](const auto& pair) { return pair.first == each; });
      if (known == found.end()) {
        found.emplace_back(each, window.noise);
        told.push_back({.by = std::string(name(each))});
        known = found.end() - 1;
      } else {
        known->second = sum(known->second, window.noise);
      }
      std::vector<int>& samples = told[static_cast<std::size_t>(known - found.begin())].samples;
      for (int i = window.first_sample; i < window.end_sample; ++i) samples.push_back(i);
    }
  for (std::size_t i = 0; i < told.size(); ++i) told[i].what = describe(found[i].first, found[i].second);
  std::erase_if(told, [](const Disturbed& each) { return each.samples.empty(); });
  return told;
}

std::vector<Disturbed> SampleWatch::finish() {
  look(true);
  double best_clock_hz = 0;
  for (const Window& window : windows_) best_clock_hz = std::max(best_clock_hz, window.noise.clock_hz);
  Window whole{.noise = {}, .first_sample = 0, .end_sample = samples_};
  for (Window& window : windows_) {
    window.noise.best_clock_hz = best_clock_hz;
    whole.noise = sum(whole.noise, window.noise);
  }
  std::vector<Disturbed> told = tell(std::exchange(windows_, {}));
  samples_ = 0;
  // A little all the time shows in no window but in all of them together.
  return told.empty() ? tell({whole}) : told;
}

}  // namespace oldiron
