// The worker: our own engine in a child that serves one trial after another and keeps the model between them.
//
// Protocol, lines of JSON. To the child: TrialSpec. From it: {"event": "ready", "pid": N} once; per trial any
// number of
// {"event": "loading"}, {"event": "loaded", "seconds": x}, {"event": "sample", "name": metric, "value": x};
// then the Trial. The end of its input ends it.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/trial.hpp"
#include "runner/engine.hpp"
#include "runner/guarded_child.hpp"

namespace oldiron {

/// Progress of a trial.
struct WorkerEvent {
  std::string event = {};  ///< "ready", "loading", "loaded", "sample"
  double seconds = 0;      ///< of "loaded"
  std::string name = {};   ///< metric of "sample"
  double value = 0;        ///< of "sample"
  int pid = 0;             ///< of "ready"
};

using Tell = std::function<void(const WorkerEvent&)>;

/// Thrown by the function that runs a trial: this CPU, build or model cannot do what the trial asks.
class Unsupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using RunTrial = std::function<Trial(const TrialSpec& spec, const Tell& tell)>;

/// The child's side: serves trials from `in` until it ends. An exception becomes a Trial: Unsupported with
/// that status, all others failed. Fills peak_rss_bytes, wall_s, worker_age_s and started, where the function
/// left them empty.
int serve(std::istream& in, std::ostream& out, const RunTrial& run);

struct WorkerOptions {
  std::vector<std::string> argv = {"/proc/self/exe", "trial"};
  std::string version;  ///< "oldiron 0.1.0"
  std::vector<std::pair<std::string, std::optional<std::string>>> env = {};
  double first_load_limit_s = 1800;  ///< 14 GB at 8 MB/s; later loads get four times the slowest one seen
  double load_limit_floor_s = 30;
  double grace_s =
      30;  ///< after the trial's own deadline, for the sample under way; at least the deadline again
  std::function<std::string()> why_stop = {};  ///< of each child, as Command::why_stop
  Tell on_event = {};  ///< shown to the user; may be empty
};

/// The parent's side.
class Worker : public TrialEngine {
 public:
  explicit Worker(WorkerOptions options);
  ~Worker() override;

  /// In the running child if it may go on; else in a fresh one. A crash, a hang and a foreign word become a
  /// Trial with a sentence, and the next trial gets a fresh child.
  Trial run(const TrialSpec& spec) override;

  std::string version() override { return options_.version; }

  std::int64_t held_bytes(const TrialSpec& spec) const override;
  double running_cpu_s() const override;

  bool watches_samples() const override { return true; }

  /// Ends the child: the next trial starts in a fresh one, and the model's memory is free.
  void retire() override;

 private:
  struct Child;
  Trial ask(const TrialSpec& spec);
  std::optional<Trial> hear(const std::string& line, const TrialSpec& spec);
  void note(const WorkerEvent& event);
  Trial ended(const TrialSpec& spec);
  Trial late(const TrialSpec& spec, double limit_s);
  double trial_limit_s(const TrialSpec& spec) const;
  double load_limit_s() const;

  WorkerOptions options_;
  std::unique_ptr<Child> child_;
  double slowest_load_s_ = 0;
};

/// Whether a process that has served `before` may serve `next`: same model, and no lever differs that reloads
/// everything. (A lever that reloads the head is changed inside the process.)
bool may_go_on(const TrialSpec& before, const TrialSpec& next);

}  // namespace oldiron
