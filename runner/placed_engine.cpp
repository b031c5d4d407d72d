#include "runner/placed_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/clock.hpp"
#include "probes/files.hpp"
#include "probes/process_facts.hpp"
#include "probes/storage.hpp"

namespace oldiron {
namespace {

constexpr double kPlacesLook_s = 0.5;
// What smaps costs grows with the memory: looks get rarer, so that all of them take well below a percent of a run.
constexpr double kFirstMaps_s = 0.5, kMapsApart = 1.5;
// A process that computes reads a log file or a library now and then.
constexpr double kReading_bytes_per_s = 1e6;

class PlacedEngine : public TrialEngine {
 public:
  PlacedEngine(std::unique_ptr<TrialEngine> inner, FilesOfTrial files_of, std::string file_system, std::shared_ptr<PlacesWatch> watch)
      : inner_(std::move(inner)), files_of_(std::move(files_of)), file_system_(std::move(file_system)), watch_(std::move(watch)) {}

  Trial run(const TrialSpec& spec) override {
    MemoryPlaces places{.file_system = file_system_};
    const std::vector<std::string> files = files_of_(spec);
    std::string kept;
    try {
      if (spec.cold) kept = drop_from_cache(files);
      places.file_bytes = bytes_of_files(files);
      places.cached_before_bytes = cached(files);
    } catch (const Error& error) {
      return {.spec = spec, .status = Status::failed, .reason = error.what()};
    }
    places.swap_before_bytes = swap_used_bytes();
    watch_->begin();
    Trial trial = inner_->run(spec);
    watch_->note(trial.provenance);
    places.node_bytes = std::move(trial.provenance.places.node_bytes);
    places.swap_after_bytes = swap_used_bytes();
    places.cached_after_bytes = cached(files);
    trial.provenance.places = std::move(places);
    if (!kept.empty())
      for (Measurement& each : trial.measurements) each.tags.push_back("not cold: " + kept);
    return trial;
  }

  std::string version() override { return inner_->version(); }
  std::int64_t held_bytes(const TrialSpec& spec) const override { return inner_->held_bytes(spec); }
  void retire() override { inner_->retire(); }
  bool watches_samples() const override { return inner_->watches_samples(); }
  double running_cpu_s() const override { return inner_->running_cpu_s(); }

 private:
  static std::int64_t cached(const std::vector<std::string>& files) {
    try {
      const auto bytes = cached_bytes(files);
      return bytes ? *bytes : -1;
    } catch (const Error&) {  // it was removed while the trial ran
      return -1;
    }
  }

  std::unique_ptr<TrialEngine> inner_;
  FilesOfTrial files_of_;
  std::string file_system_;
  std::shared_ptr<PlacesWatch> watch_;
};

}  // namespace

void PlacesWatch::begin() { *this = PlacesWatch(model_bytes_); }

void PlacesWatch::note_reading(int pid) {
  const double now = now_s();
  const auto read = number_after(read_text(fmt::format("/proc/{}/io", pid)).value_or(""), "read_bytes").value_or(0);
  const double passed_s = now - (looked_s_ > 0 ? looked_s_ : began_s_);
  const std::int64_t bytes = read - read_bytes_;
  // A file that memory does not hold is read again for each token: that is no load any more.
  if (static_cast<double>(bytes) > kReading_bytes_per_s * passed_s && load_bytes_ < model_bytes_ + model_bytes_ / 10) {
    reading_s_ += passed_s;
    load_bytes_ += bytes;
  }
  looked_s_ = now;
  read_bytes_ = std::max(read, read_bytes_);
}

void PlacesWatch::look(int pid) {
  if (pid > 0 && pid_ > 0 && pid != pid_) begin();
  pid_ = std::max(pid, pid_);
  if (began_s_ <= 0) {
    began_s_ = now_s();
    next_s_ = began_s_ + kFirstMaps_s;
  }
  if (pid <= 0) return;
  note_reading(pid);
  if (now_s() < next_s_) return;
  next_s_ = now_s() + std::max(kFirstMaps_s, (kMapsApart - 1) * (now_s() - began_s_));
  try {
    const ProcessFacts facts = read_process(pid, "/", 0);
    if (facts.resident_bytes < resident_bytes_) return;
    resident_bytes_ = facts.resident_bytes;
    if (facts.huge_page_bytes) huge_page_bytes_ = *facts.huge_page_bytes;
    if (facts.node_bytes) node_bytes_ = *facts.node_bytes;
    if (!facts.threads.empty()) cpus_ = facts.threads.front().cpus;
  } catch (const Error&) {
    // It ended meanwhile.
  }
}

void PlacesWatch::note(Provenance& provenance) const {
  if (huge_page_bytes_ >= 0) provenance.huge_page_bytes = huge_page_bytes_;
  if (!cpus_.empty()) provenance.cpus = cpus_;
  provenance.places.node_bytes = node_bytes_;
}

CommandResult run_watched(const Command& command, double timeout_s, PlacesWatch& watch, const std::string& guard_program) {
  GuardedChild child(command, guard_program);
  child.close_input();
  const double started_s = now_s();
  const auto deadline_s = [&] { return timeout_s > 0 ? started_s + timeout_s + watch.reading_s() : HUGE_VAL; };
  CommandResult result;
  std::optional<ChildEnd> end;
  watch.look(0);
  while (!end && now_s() < deadline_s()) {
    end = child.wait(std::min(deadline_s(), now_s() + kPlacesLook_s));
    if (!end) watch.look(child.child_pid());
  }
  result.timed_out = !end;
  result.end = end ? *end : child.kill();
  result.out = child.out();
  result.err = child.err();
  return result;
}

std::unique_ptr<TrialEngine> make_placed(std::unique_ptr<TrialEngine> inner, FilesOfTrial files_of, std::string file_system,
                                         std::shared_ptr<PlacesWatch> watch) {
  return std::make_unique<PlacedEngine>(std::move(inner), std::move(files_of), std::move(file_system), std::move(watch));
}

}  // namespace oldiron
