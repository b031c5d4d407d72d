// Around a foreign engine's trials: its file dropped where that is asked for, and where its memory came from.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runner/engine.hpp"
#include "runner/guarded_child.hpp"

namespace oldiron {

/// Looks at a running engine through /proc, seldom enough not to cost it anything.
class PlacesWatch {
 public:
  /// `model_bytes`: of its files; it may read so much before reading counts as work.
  explicit PlacesWatch(std::int64_t model_bytes) : model_bytes_(model_bytes) {}

  /// Forgets what was seen: another run begins.
  void begin();

  /// Looks at process `pid`, if it is time to. Another process than the last begins anew: a trial may start several.
  void look(int pid);

  /// How long it has been reading its model from storage so far: a deadline does not count that.
  double reading_s() const { return reading_s_; }

  /// Fills huge_page_bytes, cpus and the places' node_bytes, where it saw any.
  void note(Provenance& provenance) const;

 private:
  void note_reading(int pid);

  std::int64_t model_bytes_;
  int pid_ = 0;
  double next_s_ = 0, began_s_ = 0, looked_s_ = 0, reading_s_ = 0;
  std::int64_t read_bytes_ = 0, load_bytes_ = 0;
  std::int64_t resident_bytes_ = 0, huge_page_bytes_ = -1;
  std::vector<std::int64_t> node_bytes_;
  std::vector<int> cpus_;
};

/// Runs a command as run_command() does, and looks at it meanwhile. Seconds in which it reads its model from storage are
/// added to the time it has.
CommandResult run_watched(const Command& command, double timeout_s, PlacesWatch& watch, const std::string& guard_program = "/proc/self/exe");

/// The files that a trial's engine loads.
using FilesOfTrial = std::function<std::vector<std::string>(const TrialSpec&)>;

/// `inner`, with the page cache of its files as a trial asks for it, and what became of memory noted in each trial. `watch`
/// is the one that inner's commands run under.
std::unique_ptr<TrialEngine> make_placed(std::unique_ptr<TrialEngine> inner, FilesOfTrial files_of, std::string file_system,
                                         std::shared_ptr<PlacesWatch> watch);

}  // namespace oldiron
