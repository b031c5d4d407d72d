#include "runner/audit/run_audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/memory_plan.hpp"
#include "core/text.hpp"
#include "runner/audit/evidence.hpp"
#include "runner/audit/rewrite.hpp"
#include "runner/audit/start_line.hpp"
#include "runner/discover.hpp"
#include "runner/empty_folder.hpp"
#include "runner/engines/llama_bench.hpp"
#include "runner/engines/llama_server.hpp"
#include "runner/http.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

constexpr int kMostStarts = 40;
constexpr std::size_t kMostComparisons = 8;

class Auditor {
 public:
  Auditor(Audit& audit, const AuditTool& tool, const AuditRun& run) : audit_(audit), tool_(tool), run_(run) {}

  AuditRan go() {
    if (run_.spec != nullptr && run_.usable_memory_bytes > 0 && largest_context(*run_.spec, {.engine = audit_.engine}, run_.usable_memory_bytes) == 0) {
      audit_.run_end = fmt::format("not run: it needs more than the {} of memory that can be had; the verdicts are those of the records",
                                   bytes_text(static_cast<double>(run_.usable_memory_bytes)));
      return {};
    }
    for (int starts = 0; starts < kMostStarts; ++starts) {
      line_ = audit_line(audit_, tool_, run_, left_out_);
      audit_.rewrites = line_.rewrites;
      audit_.ran = command_line(shown(line_));
      const LineStart ran = start(line_);
      if (ran.worked) return judge(ran);
      const std::string log = ran.log();
      if (take_out_complaint(log) || take_out_declined(log) || take_out_suspects(log)) continue;
      const std::string line = last_line_of_error(log);
      audit_.run_end = ran.end + (line.empty() ? "" : "; it said: " + line) + "; the verdicts are those of the records";
      return {};
    }
    audit_.run_end = fmt::format("it did not run in {} starts; the verdicts are those of the records", kMostStarts);
    return {};
  }

 private:
  LineStart start(const RunLine& line) const {
    return start_line(line, audit_.line.tool, {.model = run_.model, .timeout_s = run_.timeout_s, .guard_program = run_.guard_program});
  }

  /// The key is nobody's business.
  static std::vector<std::string> shown(const RunLine& line) {
    std::vector<std::string> argv = line.front;
    argv.insert(argv.end(), line.command.argv.begin(), line.command.argv.end());
    if (!line.api_key.empty()) std::replace(argv.begin(), argv.end(), line.api_key, std::string("KEY"));
    return argv;
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

  AuditRan judge(const LineStart& ran) {
    if (ran.no_tokens) audit_.run_end = fmt::format("it loaded, and gave no tokens within {}", seconds_text(run_.timeout_s));
    const std::string log = ran.log();
    const std::int64_t weights = run_.spec != nullptr ? run_.spec->bytes() : 0;
    const std::map<std::size_t, RunSeen> without = comparisons(ran.seen);
    for (const std::size_t i : line_.rows) {
      FlagRow& row = audit_.rows[i];
      const bool altered = std::find(line_.altered.begin(), line_.altered.end(), &row) != line_.altered.end();
      RunProof proof{.log = log, .seen = ran.seen, .weight_bytes = weights};
      if (const auto found = without.find(i); found != without.end()) proof.without = found->second;
      weigh(row, proof, altered);
    }
    return {.worked = !ran.no_tokens, .rows = line_.rows, .left_out = left_out_, .context = line_.context, .wall_s = ran.wall_s, .times = ran.seen.times};
  }

  /// Runs of the line without one flag each, for those that nothing else can judge. If bare defaults look like the whole line, they stand
  /// for all of these.
  std::map<std::size_t, RunSeen> comparisons(const RunSeen& whole) {
    std::vector<std::size_t> wanting;
    for (const std::size_t i : line_.rows)
      if (wants_comparison(audit_.rows[i])) wanting.push_back(i);
    if (wanting.empty()) return {};
    std::vector<std::size_t> all = left_out_;
    for (const std::size_t i : line_.rows)
      if (audit_.rows[i].flag.record == nullptr || !audit_.rows[i].flag.record->spells("-c")) all.push_back(i);
    std::map<std::size_t, RunSeen> without;
    const LineStart bare = start(audit_line(audit_, tool_, run_, all, {}, line_.context));
    if (!bare.worked) audit_.findings.push_back(fmt::format("Bare defaults do not run here ({}): what only a comparison with them can show stays open", bare.end));
    const bool stands_for_all = bare.worked && (look_alike(whole, bare.seen) || all.size() == left_out_.size() + 1);
    for (const std::size_t i : wanting) {
      if (stands_for_all) without[i] = bare.seen;
      else if (without.size() < kMostComparisons) compare(i, without);
    }
    return without;
  }

  void compare(std::size_t row, std::map<std::size_t, RunSeen>& without) {
    std::vector<std::size_t> left_out = left_out_;
    left_out.push_back(row);
    const LineStart start_without = start(audit_line(audit_, tool_, run_, left_out, {}, line_.context));
    if (start_without.worked) without[row] = start_without.seen;
    else audit_.findings.push_back(fmt::format("{} cannot be taken away alone: {}", audit_.rows[row].flag.text(), start_without.end));
  }

  Audit& audit_;
  const AuditTool& tool_;
  const AuditRun& run_;
  std::vector<std::size_t> left_out_;
  RunLine line_;
};

}  // namespace

RunLine audit_line(const Audit& audit, const AuditTool& tool, const AuditRun& run, const std::vector<std::size_t>& left_out, const RunWork& work,
                   std::int64_t context) {
  const bool server = audit.line.tool == "llama-server";
  return rewrite(audit,
                 {.program = tool.program,
                  .model = run.model,
                  .usable_memory_bytes = run.usable_memory_bytes,
                  .spec = run.spec,
                  .port = server ? free_port() : 0,
                  .api_key = server ? new_api_key() : "",
                  .context = context,
                  .work = work},
                 left_out);
}

AuditTool find_tool(const std::string& dir, const std::string& tool, const std::string& guard_program) {
  AuditTool found;
  for (const char* below : {"", "bin", "build/bin"}) {
    const fs::path path = fs::path(dir) / below / tool;
    std::error_code ignored;
    if (found.program.empty() && fs::is_regular_file(path, ignored)) found.program = fs::absolute(path).lexically_normal().string();
  }
  if (found.program.empty())
    throw Error(fmt::format("--engine {}: no {} in it, its bin or its build/bin; name the folder that holds it, or see `oldiron engines {}`", dir, tool, shell_quote(dir)));
  if (const std::string why = why_no_program(found.program); !why.empty()) throw Error(why);
  const auto ask = [&](std::vector<std::string> words) {
    words.insert(words.begin(), found.program);
    const EmptyFolder folder;
    return run_command({.argv = std::move(words), .folder = folder.path()}, kHelpPatience_s, guard_program);
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

AuditRan run_audit(Audit& audit, const AuditTool& tool, const AuditRun& run) { return Auditor(audit, tool, run).go(); }

}  // namespace oldiron
