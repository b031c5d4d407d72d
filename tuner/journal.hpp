// Journal: every finished trial in one SQLite file, so that the same command goes on where it was stopped.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/trial.hpp"
#include "tuner/evaluate.hpp"

namespace oldiron {

/// Trials by key. A trial that was running when the process died is simply absent.
///
/// Errors: the constructor throws Error with one sentence if the file cannot be created, written or locked,
/// or is not a
///         journal of this version; it does so before anything runs. put() throws Error if the disk refuses.
class Journal {
 public:
  /// Opens or makes the file. `busy_s`: how long a write waits for another process that writes.
  explicit Journal(const std::string& path, double busy_s = 10);
  ~Journal();
  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&& other) noexcept;

  /// Keeps the trial under `key`, in the place of an earlier one; it is on disk against kill -9 when this
  /// returns.
  void put(const std::string& key, const Trial& trial);

  std::optional<Trial> find(const std::string& key) const;

  /// All trials in the order in which they were first put.
  std::vector<Trial> all() const;

 private:
  struct Database;
  std::unique_ptr<Database> database_;
};

/// What a trial's key holds beside its spec.
struct Identity {
  std::string engine_version;
  std::string machine_fingerprint;
  std::string model_fingerprint;
  bool operator==(const Identity&) const = default;
};

/// Wraps `evaluate`: a trial that is finished, however it ended, is answered from the journal; any other is
/// run and then put there. `retry`: failed, timed-out and unsupported ones are run again. `journal` must
/// outlive the result.
Evaluate remembered(Journal& journal, Identity identity, Evaluate evaluate, bool retry = false);

}  // namespace oldiron
