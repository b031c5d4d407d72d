// Process: one child process, started with everything set, and always waited for.
#pragma once

#include <sys/time.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runner/descriptor.hpp"

namespace oldiron {

/// Where one of a child's standard streams goes.
struct Redirect {
  enum class Kind : std::uint8_t { null, inherit, pipe, file };
  Kind kind = Kind::null;
  std::string path = {};  ///< of a file: opened for reading as standard input, else truncated
};

/// Where the kernel takes a child's memory from, until the child asks for something else.
struct MemoryPolicy {
  enum class Kind : std::uint8_t { inherit, interleave, bind };
  Kind kind = Kind::inherit;
  std::vector<int> nodes = {};  ///< empty: all that we may use
};

/// What to start, and in which surroundings.
struct Command {
  std::vector<std::string> argv = {};
  /// Changes to our own environment; no value removes the variable.
  std::vector<std::pair<std::string, std::optional<std::string>>> env = {};
  std::vector<int> cpus = {};  ///< OS numbers; empty: those we may use
  MemoryPolicy memory = {};
  int nice = 0;                ///< added to ours; what the system refuses is left as it is
  std::string folder = {};     ///< working directory; empty: ours
  /// Asked twice a second while a guarded child runs (runner/guarded_child.hpp): a sentence ends it, and tells why.
  std::function<std::string()> why_stop = {};
  Redirect in = {}, out = {Redirect::Kind::pipe}, err = {Redirect::Kind::pipe};
};

/// The beginning and the end of a stream that may be of any length.
class Output {
 public:
  explicit Output(std::size_t head_bytes = 1 << 20, std::size_t tail_bytes = 1 << 18)
      : head_limit_(head_bytes), tail_limit_(tail_bytes) {}

  void append(std::string_view bytes);

  /// Head and tail; where bytes were dropped a line in between says how many.
  std::string text() const;
  std::int64_t dropped_bytes() const;

 private:
  std::size_t head_limit_, tail_limit_;
  std::string head_, tail_;  // tail_ is trimmed to its limit when it reaches twice that
  std::int64_t total_bytes_ = 0;
};

/// How a process ended, as wait4 tells it.
struct ProcessEnd {
  int exit_code = -1;  ///< -1 if a signal ended it
  int signal = 0;
  std::int64_t max_rss_bytes = 0;
  double user_s = 0, system_s = 0;
};

/// A running child. It leads a new session (hence a group of its own), has every signal at its default, and
/// no descriptor of ours but those named. The destructor kills the group and waits.
class Process {
 public:
  /// One more descriptor for the child, under the number that it expects.
  struct Passed {
    int fd, as;
  };

  /// Throws Error if it cannot be started.
  explicit Process(const Command& command, const std::vector<Passed>& passed = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }

  /// Readable when the process has ended.
  const Descriptor& pidfd() const { return pidfd_; }

  /// Our ends of the pipes; empty for other redirects. `in` is a socket, so that a dead reader is an error,
  /// not a signal.
  Descriptor in, out, err;

  /// Waits until it ends or now_s() passes the deadline; then nothing.
  std::optional<ProcessEnd> wait(double deadline_s);

  /// Sends a signal to its whole group.
  void signal_group(int signal_number) const;

  /// Gives up on a child that does not end: the destructor will neither kill nor wait.
  void abandon() { abandoned_ = true; }

 private:
  pid_t pid_ = -1;
  Descriptor pidfd_;
  std::optional<ProcessEnd> end_;
  bool abandoned_ = false;
};

/// Milliseconds for poll() until now_s() reaches the deadline, rounded up; never below 0.
int poll_ms(double deadline_s);

/// What exec() takes; the strings must live as long.
std::vector<char*> argv_pointers(std::vector<std::string>& words);

double seconds_of(const timeval& time);

}  // namespace oldiron
