#include "runner/audit/start_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/clock.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "runner/audit/run_log.hpp"
#include "runner/audit/run_watch.hpp"
#include "runner/empty_folder.hpp"
#include "runner/engines/server_answer.hpp"
#include "runner/http.hpp"

namespace oldiron {
namespace {

constexpr double kStartPoll_s = 0.02;

class Start {
 public:
  Start(const RunLine& line, const std::string& tool, const StartOptions& options)
      : line_(line), tool_(tool), options_(options), watch_(options.model), deadline_s_(now_s() + options.timeout_s) {}

  LineStart go() {
    const EmptyFolder folder;
    Command command = line_.command;
    command.folder = folder.path();
    const double begin_s = now_s();
    {
      GuardedChild child(command, options_.guard_program);
      child.close_input();
      if (tool_ == "llama-server") serve(child);
      else wait_for_end(child);
    }
    start_.wall_s = now_s() - begin_s;
    start_.seen = watch_.seen();
    start_.seen.times = times_;
    start_.seen.graph = graph_of_log(start_.log());
    return std::move(start_);
  }

 private:
  void look(const GuardedChild& child, bool now = false) {
    if (options_.watch) watch_.look(child, now);
  }

  bool waited(GuardedChild& child) {
    child.wait(std::min(deadline_s_, now_s() + kStartPoll_s));
    look(child);
    return !child.end() && now_s() < deadline_s_;
  }

  /// A tool that ends by itself.
  void wait_for_end(GuardedChild& child) {
    while (waited(child)) {
    }
    const bool by_itself = child.end().has_value();
    finish(child);
    start_.result.timed_out = !by_itself;
    start_.worked = by_itself && start_.result.end.ok();
    if (!start_.worked)
      start_.end = by_itself ? fmt::format("{} {}", tool_, how_it_ended(start_.result.end))
                             : fmt::format("{} did not end within {} and was stopped", tool_, seconds_text(options_.timeout_s));
    times_ = tool_ == "llama-bench" ? times_of_bench(start_.result.out.text()) : times_of_log(start_.log());
  }

  /// Most of what a log tells, it tells at the load: a server that gives no tokens worked all the same.
  void serve(GuardedChild& child) {
    bool ready = false;
    while (!ready && waited(child)) ready = http_exchange({.port = line_.port, .path = "/health"}, std::min(deadline_s_, now_s() + 1)).ok();
    if (ready) ask(child);
    const bool by_itself = child.end().has_value();
    finish(child);
    start_.worked = ready && !by_itself;
    start_.result.timed_out = !ready && !by_itself;
    if (!start_.worked)
      start_.end = by_itself ? fmt::format("{} {}", tool_, how_it_ended(start_.result.end))
                             : fmt::format("{} was not ready within {} and was stopped", tool_, seconds_text(options_.timeout_s));
  }

  void ask(GuardedChild& child) {
    Json request = {{"prompt", line_.prompt}, {"n_predict", line_.work.generate_tokens}, {"cache_prompt", false}, {"stream", true}};
    if (line_.work.whole_length) request["ignore_eos"] = true;
    const auto meanwhile = [&] {
      child.wait(now_s());
      look(child);
      return !child.end();
    };
    const HttpAnswer answer = http_exchange(
        {.port = line_.port, .method = "POST", .path = "/completion", .json = request.dump(), .api_key = line_.api_key}, deadline_s_, meanwhile);
    look(child, true);
    start_.no_tokens = !answer.ok();
    if (answer.ok()) read(answer);
  }

  void read(const HttpAnswer& answer) {
    try {
      const Completion done = read_completion(answer);
      times_ = {.prefill_tokens_per_s = done.prefill_tokens_per_s(),
                .decode_tokens_per_s = done.decode_tokens_per_s(),
                .prompt_tokens = done.prompt_tokens,
                .generated_tokens = done.predicted_tokens,
                .drafted_tokens = done.drafted_tokens,
                .accepted_tokens = done.accepted_tokens};
    } catch (const Error&) {
      // Tokens without times: evidence enough, and no speed.
    }
  }

  void finish(GuardedChild& child) {
    start_.result.end = child.kill();
    start_.result.out = child.out();
    start_.result.err = child.err();
  }

  const RunLine& line_;
  const std::string& tool_;
  const StartOptions& options_;
  RunWatch watch_;
  double deadline_s_;
  WorkTimes times_;
  LineStart start_;
};

}  // namespace

LineStart start_line(const RunLine& line, const std::string& tool, const StartOptions& options) { return Start(line, tool, options).go(); }

std::string last_line_of_error(const std::string& log) {
  std::string found;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const bool tells = line.find("rror") != std::string::npos || line.find("what():") != std::string::npos || line.find("failed") != std::string::npos;
    if (tells && line.size() < 400) found = line;
  }
  return found;
}

}  // namespace oldiron
