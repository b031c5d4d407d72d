// The parent's side of the guard protocol, and the pumping of a child's outputs.
#include "runner/guarded_child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/check.hpp"
#include "core/clock.hpp"
#include "probes/files.hpp"
#include "runner/guard.hpp"
#include "runner/signals.hpp"

namespace oldiron {
namespace {

constexpr std::size_t kLongestLine = 16
                                     << 20;  // a trial is some kilobytes; whoever sends this much is broken
// To kill and to free what 14 GB of small pages hold takes some seconds on old machines; D state may take for
// ever.
constexpr double kKillPatience_s = 30;
constexpr double kInterruptedPatience_s = 0.6;  // the command has to be gone within a second
constexpr double kEndPatience_s = 5;
constexpr double kAskWhyStop_s = 0.5;

std::pair<Descriptor, Descriptor> pipe_above_standard() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) throw Error(fmt::format("cannot open a pipe: {}", std::strerror(errno)));
  const Descriptor low_read(ends[0]), low_write(ends[1]);
  return {Descriptor(fcntl(ends[0], F_DUPFD_CLOEXEC, 10)), Descriptor(fcntl(ends[1], F_DUPFD_CLOEXEC, 10))};
}

using Json = nlohmann::json;

ChildEnd parsed_report(const std::string& text) {
  ChildEnd end;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    end.error = "its guard process was killed";
    return end;
  }
  end.error = json.value("error", "");
  end.exit_code = json.value("exit", -1);
  end.signal = json.value("signal", 0);
  end.max_rss_bytes = json.value("max_rss_bytes", std::int64_t{0});
  end.user_s = json.value("user_s", 0.0);
  end.system_s = json.value("system_s", 0.0);
  end.wall_s = json.value("wall_s", 0.0);
  return end;
}

std::string signal_meaning(int signal_number) {
  switch (signal_number) {
    case SIGILL:
      return ": it uses an instruction that this CPU or hypervisor lacks";
    case SIGKILL:
      return ": killed from outside, as the kernel does when memory runs out";
    case SIGSEGV:
    case SIGBUS:
      return ": it crashed";
    case SIGABRT:
      return ": it gave up by itself";
    default:
      return "";
  }
}

}  // namespace

std::string how_it_ended(const ChildEnd& end) {
  if (!end.error.empty()) return "did not run: " + end.error;
  if (!end.stopped_for.empty()) return "was stopped: " + end.stopped_for;
  if (end.killed_by_us && end.signal == SIGKILL) return "was stopped by us";
  if (end.signal != 0) {
    const char* name = sigabbrev_np(end.signal);
    return fmt::format("died by SIG{}{}", name != nullptr ? name : std::to_string(end.signal),
                       signal_meaning(end.signal));
  }
  constexpr int kShellKilled = 128 + SIGKILL;
  const char* hint =
      end.exit_code == kShellKilled ? ", as after SIGKILL, which the kernel sends when memory runs out" : "";
  return fmt::format("exited with code {}{}", end.exit_code, hint);
}

GuardedChild::GuardedChild(const Command& command, const std::string& guard_program) {
  Command guard = command;
  guard.argv = {guard_program, "guard", "--"};
  guard.argv.insert(guard.argv.end(), command.argv.begin(), command.argv.end());
  auto [lifeline_read, lifeline_write] = pipe_above_standard();
  auto [report_read, report_write] = pipe_above_standard();
  fcntl(report_read.get(), F_SETFL, O_NONBLOCK);
  guard_.emplace(
      guard, std::vector<Process::Passed>{{lifeline_read.get(), kLifeline}, {report_write.get(), kReport}});
  why_stop_ = command.why_stop;
  lifeline_ = std::move(lifeline_write);
  report_ = std::move(report_read);
}

GuardedChild::~GuardedChild() {
  lifeline_.close();
  const double patience_s = interrupted() ? kInterruptedPatience_s : kKillPatience_s;
  // Should the guard still be busy then, killing it would be worse: it goes on without us.
  if (guard_ && !guard_->wait(now_s() + patience_s)) guard_->abandon();
}

void GuardedChild::drain(Descriptor& from, Output& to, std::string* lines) {
  char bytes[65536];
  ssize_t got = 0;
  // Bounded, so that a child that babbles for ever does not keep us from looking at the clock.
  for (int round = 0; from && round < 16; ++round) {
    got = read(from.get(), bytes, sizeof bytes);
    if (got <= 0) break;
    const std::string_view text(bytes, static_cast<std::size_t>(got));
    to.append(text);
    if (lines != nullptr) *lines += text;
  }
  if (got == 0) from.close();
}

void GuardedChild::pump(double deadline_s, bool keep_lines) {
  throw_if_interrupted();
  // A reader that waits for lines and lets them pile up is told so by next_line(); nobody else keeps any.
  std::string* lines = keep_lines ? &lines_ : nullptr;
  pollfd polled[] = {{report_.get(), POLLIN, 0},
                     {guard_->out.get(), POLLIN, 0},
                     {guard_->err.get(), POLLIN, 0},
                     {unsent_.empty() ? -1 : guard_->in.get(), POLLOUT, 0},
                     {interrupt_fd(), POLLIN, 0}};
  poll(polled, std::size(polled), poll_ms(why_stop_ ? std::min(deadline_s, now_s() + kAskWhyStop_s) : deadline_s));
  throw_if_interrupted();
  drain(guard_->out, out_, lines);
  drain(guard_->err, err_, nullptr);
  if (polled[3].revents != 0) {
    const ssize_t sent = send(guard_->in.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent > 0) unsent_.erase(0, static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) guard_->in.close();
  }
  char bytes[4096];
  const ssize_t got = read(report_.get(), bytes, sizeof bytes);
  if (got > 0) report_text_.append(bytes, static_cast<std::size_t>(got));
  if (got == 0 || report_text_.find('\n') != std::string::npos) finish();
  else ask_why_stop();
}

void GuardedChild::ask_why_stop() {
  if (!why_stop_ || now_s() - asked_s_ < kAskWhyStop_s) return;
  asked_s_ = now_s();
  stopped_for_ = why_stop_();
  if (stopped_for_.empty()) return;
  why_stop_ = nullptr;
  kill();
}

void GuardedChild::finish() {
  guard_->wait(now_s() + kEndPatience_s);
  // All writers are dead, so what the pipes hold is all there will be.
  const auto empty_pipe = [this](Descriptor& from, Output& to, std::string* lines) {
    while (from) {
      pollfd more = {from.get(), POLLIN, 0};
      if (poll(&more, 1, 0) <= 0) return;
      drain(from, to, lines);
    }
  };
  empty_pipe(guard_->out, out_, &lines_);
  empty_pipe(guard_->err, err_, nullptr);
  end_ = parsed_report(report_text_);
  end_->killed_by_us = killed_by_us_;
  end_->stopped_for = stopped_for_;
  report_.close();
}

std::optional<std::string> GuardedChild::next_line() {
  const auto newline = lines_.find('\n');
  if (newline == std::string::npos) return {};
  std::string line = lines_.substr(0, newline);
  lines_.erase(0, newline + 1);
  return line;
}

bool GuardedChild::write_line(std::string_view line, double deadline_s) {
  unsent_.append(line);
  unsent_ += '\n';
  while (!unsent_.empty() && guard_->in && !end_) {
    pump(deadline_s, true);
    if (now_s() >= deadline_s) break;
  }
  return unsent_.empty();
}

void GuardedChild::close_input() { guard_->in.close(); }

std::optional<std::string> GuardedChild::read_line(double deadline_s) {
  for (;;) {
    if (auto line = next_line()) return line;
    if (lines_.size() > kLongestLine) {
      lines_.clear();
      kill();
      end_->error = "it wrote a line without an end";
    }
    if (end_ || now_s() >= deadline_s) return {};
    pump(deadline_s, true);
  }
}

std::optional<ChildEnd> GuardedChild::wait(double deadline_s) {
  while (!end_) {
    pump(deadline_s, false);
    if (now_s() >= deadline_s) break;
  }
  return end_;
}

pid_t GuardedChild::child_pid() const {
  const pid_t guard = guard_pid();
  if (guard < 0) return -1;
  const std::string children = read_text(fmt::format("/proc/{}/task/{}/children", guard, guard)).value_or("");
  return static_cast<pid_t>(parse_number(children.substr(0, children.find(' '))).value_or(-1));
}

ChildEnd GuardedChild::kill() {
  if (end_) return *end_;
  killed_by_us_ = true;
  lifeline_.close();
  const double deadline_s = now_s() + kKillPatience_s;
  if (wait(deadline_s)) return *end_;
  guard_->abandon();
  end_.emplace();
  end_->error = fmt::format("it could not be killed within {} s", kKillPatience_s);
  return *end_;
}

CommandResult run_command(const Command& command, double timeout_s, const std::string& guard_program) {
  GuardedChild child(command, guard_program);
  child.close_input();
  CommandResult result;
  const double deadline_s = timeout_s > 0 ? now_s() + timeout_s : HUGE_VAL;
  std::optional<ChildEnd> end = child.wait(deadline_s);
  result.timed_out = !end;
  result.end = end ? *end : child.kill();
  result.out = child.out();
  result.err = child.err();
  return result;
}

}  // namespace oldiron
