// RunningServer: a llama-server of ours on 127.0.0.1, from its start until it is killed.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "runner/engines/engine_end.hpp"
#include "runner/http.hpp"

namespace oldiron {

struct ServerStart {
  Command command = {};  ///< whole, with the port
  int port = 0;
  std::string api_key = {};  ///< that it was given; empty: none
  std::string model = {};    ///< the file, as the command names it
  std::int64_t model_bytes = 0;
  /// Longest time of a load in which it neither reads nor touches another hundredth of the model; see load_patience_s().
  double patience_s = 60;
  std::function<void(int pid)> watch = {};  ///< called twice a second while it runs
  std::string guard_program = "/proc/self/exe";
};

/// A minute, and what a disk of 50 MB/s needs for the whole file: an engine that only rearranges what it has read needs less.
double load_patience_s(std::int64_t model_bytes);

class RunningServer {
 public:
  /// Starts it; a program that cannot be started is an end.
  explicit RunningServer(const ServerStart& start);

  /// Waits until it answers requests; why it will not, else. A load that goes on is waited for, however slow.
  std::optional<EndVerdict> wait_ready();

  /// Sends the bodies to /completion at once and waits for the answers, reading what the server prints meanwhile.
  std::vector<HttpAnswer> ask(std::span<const Json> bodies, double deadline_s);

  /// Why an answer is none: the server's end if it ended, else what the answer says.
  EndVerdict why_no_answer(const HttpAnswer& answer);

  /// Seconds from the start until it was ready.
  double load_s() const { return load_s_; }

  /// It found its port taken; another port may be free.
  bool port_taken() const { return port_taken_; }

  /// Kills it and all that came of it, if it still lives.
  CommandResult end();

  GuardedChild& child() { return child_; }

 private:
  bool look();
  bool goes_on();
  bool is_ours(double deadline_s);
  EndVerdict ended();

  ServerStart start_;
  double started_s_ = 0, load_s_ = 0;
  double progress_s_ = 0;             ///< when it last went on
  std::int64_t progress_bytes_ = 0;   ///< what it had read or touched then
  double next_watch_s_ = 0;
  bool port_taken_ = false;
  GuardedChild child_;
};

}  // namespace oldiron
