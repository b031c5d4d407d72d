// The parent's side of the worker: deadlines, and a sentence for every way a child can fail.
#include "runner/worker.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/clock.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "runner/signals.hpp"

namespace oldiron {
namespace {

// A load that takes four times as long as one before on the same machine is stuck or swapping.
constexpr double kLoadPatience = 4;

Trial without_result(const TrialSpec& spec, Status status, std::string reason) {
  Trial trial;
  trial.spec = spec;
  trial.status = status;
  trial.reason = std::move(reason);
  return trial;
}

/// The last line that says anything, for the reason of a crash.
std::string last_words(const Output& err) {
  std::istringstream lines(err.text());
  std::string last;
  for (std::string line; std::getline(lines, line);)
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  constexpr std::size_t kLongest = 300;
  if (last.size() > kLongest) last.resize(kLongest);
  return last.empty() ? "" : "; its last words: " + last;
}

/// Bytes behind a key of /proc/PID/status; 0 if the process is gone.
std::int64_t status_bytes(int pid, const std::string& key) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(file, line);)
    if (line.rfind(key + ":", 0) == 0) return 1024 * std::atoll(line.c_str() + key.size() + 1);
  return 0;
}

}  // namespace

struct Worker::Child {
  explicit Child(const Command& command) : process(command) {}

  GuardedChild process;
  TrialSpec spec;  ///< the last one asked of it
  double started_s = now_s();
  double load_s = 0;  ///< of the trial under way
  double deadline_s = 0;
  bool loading = true;
  int pid = 0;
};

namespace {

/// Scratch, logits and all that does not lie in a Buffer: glibc from 2.35 asks for transparent huge pages for
/// large blocks if it is told so before it starts. Pages set aside are left to what was counted to need them.
void ask_for_huge_heap(Command& command) {
  const char* before = std::getenv("GLIBC_TUNABLES");
  std::string tunables = before == nullptr ? "" : before;
  if (tunables.find("glibc.malloc.hugetlb") != std::string::npos) return;
  tunables += (tunables.empty() ? "" : ":") + std::string("glibc.malloc.hugetlb=1");
  command.env.emplace_back("GLIBC_TUNABLES", tunables);
}

}  // namespace

bool may_go_on(const TrialSpec& before, const TrialSpec& next) {
  if (before.model != next.model || before.type != next.type ||
      before.card_head_type != next.card_head_type || before.layers != next.layers)
    return false;
  const auto same = [&](const Lever& each) {
    return each.reload != Reload::all || each.get(before.config) == each.get(next.config);
  };
  return std::all_of(levers().begin(), levers().end(), same);
}

Worker::Worker(WorkerOptions options) : options_(std::move(options)) {}

Worker::~Worker() = default;

void Worker::retire() { child_.reset(); }

std::int64_t Worker::held_bytes(const TrialSpec&) const {
  if (!child_ || child_->pid == 0) return 0;
  // Not the file pages: the kernel counts those as available already.
  return status_bytes(child_->pid, "RssAnon") + status_bytes(child_->pid, "RssShmem");
}

double Worker::running_cpu_s() const {
  if (!child_ || child_->pid == 0) return 0;
  std::ifstream file(fmt::format("/proc/{}/stat", child_->pid));
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  long user_ticks = 0, system_ticks = 0;
  // Fields 14 and 15 of proc(5); the name ends field 2.
  if (name_end == std::string::npos ||
      std::sscanf(line.c_str() + name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
                  &user_ticks, &system_ticks) != 2)
    return 0;
  return static_cast<double>(user_ticks + system_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

Trial Worker::run(const TrialSpec& spec) {
  throw_if_interrupted();
  const bool usable = child_ && may_go_on(child_->spec, spec) && !child_->process.wait(now_s());
  if (!usable) {
    retire();
    Command command;
    command.argv = options_.argv;
    command.env = options_.env;
    if (spec.config.page_size != PageSize::small) ask_for_huge_heap(command);
    command.in = {Redirect::Kind::pipe};
    command.why_stop = options_.why_stop;
    child_ = std::make_unique<Child>(command);
  }
  child_->spec = spec;
  child_->load_s = 0;
  const double started_s = child_->started_s;
  Trial trial = ask(spec);
  Provenance& provenance = trial.provenance;
  provenance.engine_version = options_.version;
  provenance.command = options_.argv;
  provenance.worker_age_s = now_s() - started_s;
  if (child_ && provenance.load_s <= 0) provenance.load_s = child_->load_s;
  return trial;
}

double Worker::trial_limit_s(const TrialSpec& spec) const {
  const double seconds = spec.budget.seconds;
  if (seconds <= 0) return HUGE_VAL;
  // The child stops by itself at its deadline, after the sample under way. How long one sample may take
  // nobody knows beforehand, but it reads the weights as the load did: 512 tokens at the speed of an old
  // machine are some loads' worth.
  return seconds + std::max(options_.grace_s, seconds) + kLoadPatience * slowest_load_s_;
}

double Worker::load_limit_s() const {
  if (slowest_load_s_ <= 0) return options_.first_load_limit_s;
  return std::max(options_.load_limit_floor_s, kLoadPatience * slowest_load_s_);
}

Trial Worker::ask(const TrialSpec& spec) {
  child_->deadline_s = now_s() + (child_->loading ? load_limit_s() : trial_limit_s(spec));
  // What became of a child that does not take the line is told by the reading below.
  child_->process.write_line(dump_json(to_json(spec)), child_->deadline_s);
  for (;;) {
    const auto line = child_->process.read_line(child_->deadline_s);
    if (line && now_s() < child_->deadline_s) {
      if (auto trial = hear(*line, spec)) return *trial;
    } else if (child_->process.end()) {
      return ended(spec);
    } else {
      return late(spec, child_->loading ? load_limit_s() : trial_limit_s(spec));
    }
  }
}

std::optional<Trial> Worker::hear(const std::string& line, const TrialSpec& spec) {
  try {
    const Json json = parse_json(line, "the worker's answer");
    if (json.contains("event")) {
      note({json.at("event").get<std::string>(), json.value("seconds", 0.0), json.value("name", ""),
            json.value("value", 0.0), json.value("pid", 0)});
      return {};
    }
    Trial trial = trial_from_json(json);
    if (trial.spec != spec) throw Error("it answered another question than was asked");
    child_->loading = false;
    return trial;
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    const std::string words = last_words(child_->process.err());
    retire();
    return without_result(spec, Status::failed,
                          fmt::format("the worker answered nonsense: {}{}", error.what(), words));
  }
}

void Worker::note(const WorkerEvent& event) {
  if (event.event == "ready") child_->pid = event.pid;
  if (event.event == "loading") {
    child_->loading = true;
    child_->deadline_s = now_s() + load_limit_s();
  }
  if (event.event == "loaded") {
    child_->loading = false;
    child_->load_s += event.seconds;
    slowest_load_s_ = std::max(slowest_load_s_, event.seconds);
    child_->deadline_s = now_s() + trial_limit_s(child_->spec);
  }
  if (options_.on_event) options_.on_event(event);
}

Trial Worker::ended(const TrialSpec& spec) {
  const std::string reason =
      fmt::format("the worker {} while {}{}", how_it_ended(*child_->process.end()),
                  child_->loading ? "loading the model" : "measuring", last_words(child_->process.err()));
  Trial trial = without_result(spec, Status::failed, reason);
  trial.provenance.peak_rss_bytes = child_->process.end()->max_rss_bytes;
  retire();
  return trial;
}

Trial Worker::late(const TrialSpec& spec, double limit_s) {
  const std::string reason =
      child_->loading ? fmt::format("the model was not loaded within {}, and the worker was stopped",
                                    seconds_text(limit_s))
                      : fmt::format("no result within {} after loading, and the worker was stopped",
                                    seconds_text(limit_s));
  Trial trial = without_result(spec, Status::timed_out, reason);
  trial.provenance.peak_rss_bytes = child_->process.kill().max_rss_bytes;
  retire();
  return trial;
}

}  // namespace oldiron
