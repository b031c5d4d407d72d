// GuardedChild: an external process that cannot outlive us, its output drained, its end told in a sentence.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runner/process.hpp"

namespace oldiron {

/// How a guarded child ended, as its guard reports it.
struct ChildEnd {
  std::string error;   ///< not empty: it could not be started, or its guard was lost
  int exit_code = -1;  ///< -1 if a signal ended it
  int signal = 0;
  bool killed_by_us = false;
  std::string stopped_for = {};  ///< what Command::why_stop said; empty: nothing
  std::int64_t max_rss_bytes = 0;
  double user_s = 0, system_s = 0, wall_s = 0;

  bool ok() const { return error.empty() && exit_code == 0; }
};

/// "exited with code 1", "died by SIGILL: it uses an instruction that this CPU lacks", …; goes after the
/// program's name.
std::string how_it_ended(const ChildEnd& end);

/// Every wait throws Interrupted (runner/signals.hpp) when the command was interrupted; the destructor then
/// cleans up.
class GuardedChild {
 public:
  /// Starts `guard_program guard -- argv…` (runner/guard.hpp). A program that cannot be started is an end,
  /// not an Error.
  explicit GuardedChild(const Command& command, const std::string& guard_program = "/proc/self/exe");

  /// Closes the lifeline: the guard kills whatever of the child still lives. Waits for that, but not for
  /// ever.
  ~GuardedChild();
  GuardedChild(const GuardedChild&) = delete;
  GuardedChild& operator=(const GuardedChild&) = delete;

  /// Sends one line to a child whose `in` is a pipe. False if it did not take all of it before the deadline.
  bool write_line(std::string_view line, double deadline_s);

  /// The child sees the end of its input.
  void close_input();

  /// The next line of standard output, without its newline. Nothing at the deadline, and when there will be
  /// none (see end()).
  std::optional<std::string> read_line(double deadline_s);

  /// Waits for the end and drains both outputs meanwhile; nothing at the deadline.
  std::optional<ChildEnd> wait(double deadline_s);

  /// Kills the child and all that came of it, and waits for that.
  ChildEnd kill();

  /// Set once the child has ended.
  const std::optional<ChildEnd>& end() const { return end_; }

  /// Of the guard, whose only child is ours; -1 once that has ended.
  pid_t guard_pid() const { return guard_ && !end_ ? guard_->pid() : -1; }

  /// The program itself; -1 once it has ended, and before it has begun.
  pid_t child_pid() const;

  const Output& out() const { return out_; }

  const Output& err() const { return err_; }

 private:
  void pump(double deadline_s, bool keep_lines);
  void drain(Descriptor& from, Output& to, std::string* lines);
  void finish();
  void ask_why_stop();
  std::optional<std::string> next_line();

  Descriptor lifeline_, report_;
  std::optional<Process> guard_;
  std::string report_text_, lines_, unsent_;
  Output out_, err_;
  std::optional<ChildEnd> end_;
  bool killed_by_us_ = false;
  std::function<std::string()> why_stop_;
  double asked_s_ = 0;
  std::string stopped_for_;
};

struct CommandResult {
  ChildEnd end;
  bool timed_out = false;  ///< it was killed at the deadline
  Output out, err;
};

/// Runs a command under a guard until it ends or `timeout_s` have passed (0: no limit), and kills it then.
CommandResult run_command(const Command& command, double timeout_s,
                          const std::string& guard_program = "/proc/self/exe");

}  // namespace oldiron
