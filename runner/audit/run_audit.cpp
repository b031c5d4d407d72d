#include "runner/audit/run_audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "core/clock.hpp"
#include "core/json.hpp"
#include "core/memory_plan.hpp"
#include "core/text.hpp"
#include "runner/audit/evidence.hpp"
#include "runner/audit/rewrite.hpp"
#include "runner/audit/run_watch.hpp"
#include "runner/discover.hpp"
#include "runner/engines/llama_bench.hpp"
#include "runner/http.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

constexpr double kAskPatience_s = 20;  // a help text takes milliseconds, from a network disk more
constexpr double kTick_s = 0.02;
constexpr int kMostStarts = 40;

/// What one start of the tool left behind.
struct Ran {
  CommandResult result;
  RunSeen seen;
  bool worked = false;
  std::string end = {};  ///< how it failed; empty if it worked

  std::string log() const { return result.err.text() + "\n" + result.out.text(); }
};

std::string last_line_of_error(const std::string& log) {
  std::string found;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const bool tells = line.find("rror") != std::string::npos || line.find("what():") != std::string::npos || line.find("failed") != std::string::npos;
    if (tells && line.size() < 400) found = line;
  }
  return found;
}

/// Waits for the end of a tool that ends by itself, watching it.
void wait_for_end(GuardedChild& child, RunWatch& watch, double deadline_s) {
  while (!child.end() && now_s() < deadline_s) {
    child.wait(std::min(deadline_s, now_s() + kTick_s));
    watch.look(child);
  }
}

enum class Served { never_ready, no_tokens, tokens };

/// Asks a server for a few tokens once it is ready.
Served ask_server(GuardedChild& child, RunWatch& watch, int port, double deadline_s) {
  for (bool is_ready = false; !is_ready;) {
    child.wait(std::min(deadline_s, now_s() + kTick_s));
    watch.look(child);
    if (child.end() || now_s() >= deadline_s) return Served::never_ready;
    is_ready = http_exchange({.port = port, .path = "/health"}, std::min(deadline_s, now_s() + 1)).ok();
  }
  const Json request = {{"prompt", "An old server stands in a rack. Tell what happens between a question and its answer."},
                        {"n_predict", kGeneratedTokens},
                        {"cache_prompt", false}};
  const auto meanwhile = [&] {
    child.wait(now_s());
    watch.look(child);
    return !child.end();
  };
  const HttpAnswer answer = http_exchange({.port = port, .method = "POST", .path = "/completion", .json = request.dump()}, deadline_s, meanwhile);
  watch.look(child, true);
  return answer.ok() ? Served::tokens : Served::no_tokens;
}

class Auditor {
 public:
  Auditor(Audit& audit, const AuditTool& tool, const AuditRun& run) : audit_(audit), tool_(tool), run_(run) {}

  void go() {
    if (run_.spec != nullptr && run_.usable_memory_bytes > 0 && largest_context(*run_.spec, {.engine = audit_.engine}, run_.usable_memory_bytes) == 0) {
      audit_.run_end = fmt::format("not run: it needs more than the {} of memory that can be had; the verdicts are those of the records",
                                   bytes_text(static_cast<double>(run_.usable_memory_bytes)));
      return;
    }
    for (int starts = 0; starts < kMostStarts; ++starts) {
      const Ran ran = start();
      if (ran.worked) return judge(ran);
      const std::string log = ran.log();
      if (take_out_complaint(log) || take_out_declined(log) || take_out_suspects(log)) continue;
      const std::string line = last_line_of_error(log);
      audit_.run_end = ran.end + (line.empty() ? "" : "; it said: " + line) + "; the verdicts are those of the records";
      return;
    }
    audit_.run_end = fmt::format("it did not run in {} starts; the verdicts are those of the records", kMostStarts);
  }

 private:
  bool is_server() const { return audit_.line.tool == "llama-server"; }

  Ran start() {
    const int port = is_server() ? free_port() : 0;
    line_ = rewrite(audit_, {.program = tool_.program, .model = run_.model, .usable_memory_bytes = run_.usable_memory_bytes, .spec = run_.spec, .port = port},
                    left_out_);
    // Tools leave logs in the folder where they are started.
    std::string folder = (fs::temp_directory_path() / "oldiron_audit_XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw Error(fmt::format("cannot make a folder like {}", folder));
    line_.command.folder = folder;
    audit_.rewrites = line_.rewrites;
    audit_.ran = command_line(line_.command.argv);
    Ran ran = watched(port);
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    return ran;
  }

  Ran watched(int port) {
    Ran ran;
    GuardedChild child(line_.command, run_.guard_program);
    child.close_input();
    RunWatch watch(run_.model);
    const double deadline_s = now_s() + run_.timeout_s;
    const Served served = is_server() ? ask_server(child, watch, port, deadline_s) : Served::never_ready;
    if (!is_server()) wait_for_end(child, watch, deadline_s);
    // Most of what a log tells, it tells at the load.
    if (served == Served::no_tokens && !child.end())
      audit_.run_end = fmt::format("it loaded, and gave no tokens within {}", seconds_text(run_.timeout_s));
    ran.worked = is_server() && served != Served::never_ready && !child.end();
    ran.result.timed_out = !child.end() && !ran.worked;
    const bool by_itself = child.end().has_value();
    ran.result.end = child.kill();
    if (!is_server()) ran.worked = by_itself && ran.result.end.ok();
    ran.result.out = child.out();
    ran.result.err = child.err();
    ran.seen = watch.seen();
    if (!ran.worked)
      ran.end = ran.result.timed_out ? fmt::format("{} did not end within {} and was stopped", audit_.line.tool, seconds_text(run_.timeout_s))
                : by_itself          ? fmt::format("{} {}", audit_.line.tool, how_it_ended(ran.result.end))
                                     : fmt::format("{} answered no request", audit_.line.tool);
    return ran;
  }

  bool is_out(std::size_t row) const { return std::find(left_out_.begin(), left_out_.end(), row) != left_out_.end(); }

  void take_out(std::size_t row, FlagVerdict verdict, const std::string& evidence) {
    audit_.rows[row].verdict = verdict;
    audit_.rows[row].evidence = evidence;
    left_out_.push_back(row);
  }

  /// The flag that the tool's parser refuses.
  bool take_out_complaint(const std::string& log) {
    const Complaint complaint = complaint_of(log);
    if (complaint.flag.empty()) return false;
    for (std::size_t i = 0; i < audit_.rows.size(); ++i) {
      const GivenFlag& flag = audit_.rows[i].flag;
      std::string word = flag.word;
      if (word.starts_with("--")) std::replace(word.begin(), word.end(), '_', '-');
      const bool meant = flag.word == complaint.flag || word == complaint.flag ||
                         std::find(flag.values.begin(), flag.values.end(), complaint.flag) != flag.values.end();
      if (is_out(i) || !meant || flag.at == std::string::npos) continue;
      take_out(i, FlagVerdict::rejected, complaint.line);
      return true;
    }
    return false;
  }

  /// A flag whose record knows the line that it fails with.
  bool take_out_declined(const std::string& log) {
    for (std::size_t i = 0; i < audit_.rows.size(); ++i) {
      const FlagRow& row = audit_.rows[i];
      if (is_out(i) || row.flag.record == nullptr) continue;
      for (const Trace& trace : row.flag.record->traces) {
        if (trace.sign != Trace::Sign::log || trace.verdict != FlagVerdict::declined) continue;
        const std::string line = matching_line(log, trace.text, row.flag.value());
        if (line.empty()) continue;
        take_out(i, FlagVerdict::declined, "the load failed: " + line);
        return true;
      }
    }
    return false;
  }

  /// Else all that the records hold for failing, then whatever is about drafts if the log is.
  bool take_out_suspects(const std::string& log) {
    const std::string line = last_line_of_error(log);
    const auto out_if = [&](const auto& suspect) {
      bool any = false;
      for (std::size_t i = 0; i < audit_.rows.size(); ++i) {
        const FlagRow& row = audit_.rows[i];
        if (is_out(i) || row.flag.at == std::string::npos || row.flag.record == nullptr || !suspect(row)) continue;
        take_out(i, FlagVerdict::declined, "the run failed with it" + (line.empty() ? "" : ": " + line));
        any = true;
      }
      return any;
    };
    if (out_if([](const FlagRow& row) { return row.verdict == FlagVerdict::declined; })) return true;
    const bool about_drafts = log.find("peculative") != std::string::npos || log.find("MTP") != std::string::npos || log.find("draft") != std::string::npos;
    return about_drafts && out_if([](const FlagRow& row) { return row.flag.record->spells("--spec-type") || row.flag.record->spells("-md"); });
  }

  void judge(const Ran& ran) {
    const std::string log = ran.log();
    const std::int64_t weights = run_.spec != nullptr ? run_.spec->bytes() : 0;
    for (std::size_t i = 0; i < audit_.rows.size(); ++i) {
      FlagRow& row = audit_.rows[i];
      if (is_out(i) || !was_run(row)) continue;
      const bool altered = std::find(line_.altered.begin(), line_.altered.end(), &row) != line_.altered.end();
      weigh(row, log, ran.seen, weights, altered);
    }
  }

  /// Whether the row stands in the command that was run.
  bool was_run(const FlagRow& row) const {
    const auto& argv = line_.command.argv;
    if (std::find(argv.begin(), argv.end(), row.flag.word) != argv.end()) return true;
    const auto& env = line_.command.env;
    if (std::any_of(env.begin(), env.end(), [&](const auto& each) { return each.first == row.flag.word; })) return true;
    return row.flag.record != nullptr && row.flag.record->spells("-c");
  }

  Audit& audit_;
  const AuditTool& tool_;
  const AuditRun& run_;
  std::vector<std::size_t> left_out_;
  RunLine line_;
};

}  // namespace

int build_of_version(std::string_view text, std::string& commit) {
  const std::string all(text);
  std::smatch match;
  if (!std::regex_search(all, match, std::regex(R"(version: (\d+) \((\w+)\))")) &&
      !std::regex_search(all, match, std::regex(R"(\(build (\d+), commit (\w+)\))")) &&
      !std::regex_search(all, match, std::regex(R"(build: \w+ \((\d+)\)())")))
    return 0;
  commit = match[2].str();
  return std::atoi(match[1].str().c_str());
}

AuditTool find_tool(const std::string& dir, const std::string& tool, const std::string& guard_program) {
  AuditTool found;
  for (const char* below : {"", "bin", "build/bin"}) {
    const fs::path path = fs::path(dir) / below / tool;
    std::error_code ignored;
    if (found.program.empty() && fs::is_regular_file(path, ignored)) found.program = fs::absolute(path).lexically_normal().string();
  }
  if (found.program.empty())
    throw Error(fmt::format("--engine {}: no {} in it, its bin or its build/bin; name the folder that holds it", dir, tool));
  if (const std::string why = why_no_program(found.program); !why.empty()) throw Error(why);
  const auto ask = [&](std::vector<std::string> words) {
    words.insert(words.begin(), found.program);
    return run_command({.argv = std::move(words)}, kAskPatience_s, guard_program);
  };
  const CommandResult help = ask({"--help"});
  const std::string text = help.out.text() + help.err.text();
  const auto flags = flags_of_help(text);
  // ik_llama.cpp prints its help and then fails.
  if (const std::string why = why_no_help(found.program, help); flags.empty() && !why.empty()) throw Error(why);
  const Available<Engine> engine = engine_of_flags(flags);
  if (!engine) throw Error(fmt::format("{}: its --help is neither that of a tool of llama.cpp nor of ik_llama.cpp", found.program));
  found.engine = *engine;
  const bool bench = tool == "llama-bench";
  const CommandResult version = bench ? ask({"-p", "0", "-n", "0", "-o", "md"}) : ask({"--version"});
  std::string commit;
  found.build = build_of_version(version.out.text() + version.err.text(), commit);
  if (found.build == 0) found.version = fmt::format("{} build unknown", display_name(found.engine));
  else found.version = fmt::format("{} {}{}", display_name(found.engine), found.build, commit.empty() ? "" : " (" + commit + ")");
  return found;
}

void run_audit(Audit& audit, const AuditTool& tool, const AuditRun& run) { Auditor(audit, tool, run).go(); }

}  // namespace oldiron
