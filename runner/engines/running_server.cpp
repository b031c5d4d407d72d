#include "runner/engines/running_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

constexpr double kServerPoll_s = 0.02;
constexpr double kWatch_s = 0.5;
constexpr double kAskReady_s = 0.2;
constexpr double kAnswer_s = 20;  // of a question that costs no computing

/// What a process has read by calls or keeps resident: either grows while a model is loaded.
std::int64_t taken_in_bytes(pid_t pid) {
  const std::string folder = fmt::format("/proc/{}/", pid);
  return number_after(read_text(folder + "io").value_or(""), "rchar:").value_or(0) +
         kKiB * number_after(read_text(folder + "status").value_or(""), "VmRSS:").value_or(0);
}

}  // namespace

double load_patience_s(std::int64_t model_bytes) { return 60 + static_cast<double>(model_bytes) / 50e6; }

RunningServer::RunningServer(const ServerStart& start)
    : start_(start), started_s_(now_s()), progress_s_(started_s_), child_(start.command, start.guard_program) {
  child_.close_input();
}

bool RunningServer::look() {
  child_.wait(now_s());
  if (child_.end()) return false;
  if (start_.watch && child_.child_pid() > 0 && now_s() >= next_watch_s_) {
    next_watch_s_ = now_s() + kWatch_s;
    start_.watch(child_.child_pid());
  }
  return true;
}

bool RunningServer::goes_on() {
  const pid_t pid = child_.child_pid();
  const std::int64_t bytes = pid > 0 ? taken_in_bytes(pid) : 0;
  if (bytes > progress_bytes_ + start_.model_bytes / 100) {
    progress_bytes_ = bytes;
    progress_s_ = now_s();
  }
  return now_s() - progress_s_ <= start_.patience_s;
}

EndVerdict RunningServer::ended() {
  const CommandResult result = end();
  const std::string log = result.err.text() + result.out.text();
  if (log.find("couldn't bind") != std::string::npos) {
    port_taken_ = true;
    return {Status::failed, fmt::format("llama-server could not have port {} of 127.0.0.1: another program took it", start_.port)};
  }
  if (result.end.ok()) return {Status::failed, "llama-server ended by itself, without an error"};
  return *bad_end(result, "llama-server");
}

/// Whether it is our server that answers on the port: it lets in who has the key, and nobody else.
bool RunningServer::is_ours(double deadline_s) {
  if (start_.api_key.empty()) return true;
  const auto status = [&](const std::string& key) {
    return http_exchange({.port = start_.port, .path = "/props", .api_key = key}, deadline_s, [&] { return look(); }).status;
  };
  return status("not " + start_.api_key) == 401 && status(start_.api_key) != 401;
}

std::optional<EndVerdict> RunningServer::wait_ready() {
  for (;;) {
    child_.wait(now_s() + kServerPoll_s);
    if (child_.end()) return ended();
    const HttpAnswer health = http_exchange({.port = start_.port, .path = "/health", .api_key = start_.api_key}, now_s() + kAskReady_s, [&] { return look(); });
    if (child_.end()) return ended();
    if (health.ok()) break;
    if (goes_on()) continue;
    const double share = start_.model_bytes > 0 ? static_cast<double>(progress_bytes_) / static_cast<double>(start_.model_bytes) : 1;
    const std::string waited = seconds_text(now_s() - progress_s_);
    end();
    return EndVerdict{Status::timed_out, fmt::format("llama-server hangs at its load: for {} it neither read nor touched another part of the model ({} of it until then)",
                                                     waited, percent_text(std::min(1.0, share)))};
  }
  if (!is_ours(now_s() + kAnswer_s)) {
    if (child_.end()) return ended();
    port_taken_ = true;
    end();
    return EndVerdict{Status::failed, fmt::format("another program answers on port {} of 127.0.0.1 in llama-server's place", start_.port)};
  }
  load_s_ = now_s() - started_s_;
  return {};
}

std::vector<HttpAnswer> RunningServer::ask(std::span<const Json> bodies, double deadline_s) {
  std::vector<HttpRequest> requests;
  for (const Json& body : bodies)
    requests.push_back({.port = start_.port, .method = "POST", .path = "/completion", .json = body.dump(), .api_key = start_.api_key});
  return http_exchange(requests, deadline_s, [&] { return look(); });
}

EndVerdict RunningServer::why_no_answer(const HttpAnswer& answer) {
  // A server that dies closes its connections first.
  child_.wait(now_s() + 1);
  if (child_.end()) return ended();
  if (answer.timed_out) {
    const double waited_s = answer.ended_s - answer.sent_s, silent_s = answer.ended_s - (answer.events.empty() ? answer.sent_s : answer.events.back().at_s);
    const bool speaks = silent_s < waited_s / 2 && answer.events.size() > 1;
    return {Status::timed_out, speaks ? fmt::format("llama-server was stopped at its deadline, {} into an answer of which {} pieces had come", seconds_text(waited_s), answer.events.size())
                                      : fmt::format("llama-server hangs at its work: nothing came for {}, until its deadline", seconds_text(silent_s))};
  }
  if (!answer.error.empty()) return {Status::failed, "llama-server " + answer.error};
  constexpr std::size_t kShown = 200;
  return {Status::failed, fmt::format("llama-server refused a request (HTTP {}): {}", answer.status, answer.body.substr(0, kShown))};
}

CommandResult RunningServer::end() {
  CommandResult result;
  result.end = child_.kill();
  result.out = child_.out();
  result.err = child_.err();
  return result;
}

}  // namespace oldiron
