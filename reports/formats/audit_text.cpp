// The screen of `oldiron audit`: a verdict per flag, then what the line lacks, then how it was read and run.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/text.hpp"
#include "reports/ablation.hpp"
#include "reports/audit_screen.hpp"
#include "reports/layout.hpp"

namespace oldiron::reports {
namespace {

constexpr int kFlagColumns = 26;

/// What stops the line comes first, what is nobody's worry last.
constexpr std::array kOrder = {FlagVerdict::rejected,       FlagVerdict::declined,       FlagVerdict::took_effect, FlagVerdict::can_act,
                               FlagVerdict::changed,        FlagVerdict::no_trace,       FlagVerdict::echoed_only, FlagVerdict::inert,
                               FlagVerdict::not_applicable, FlagVerdict::default_anyway, FlagVerdict::unknown,     FlagVerdict::not_speed};

std::string counts(const Audit& audit) {
  std::string text;
  for (const FlagVerdict verdict : kOrder) {
    const auto count = std::count_if(audit.rows.begin(), audit.rows.end(), [&](const FlagRow& row) { return row.verdict == verdict; });
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, words_of(verdict));
  }
  return text;
}

std::string head(const Audit& audit) {
  const std::string who = audit.version.empty() ? std::string(display_name(audit.engine)) : audit.version;
  std::string text = fmt::format("{} of {} ({})", audit.line.tool, who, audit.engine_reason);
  if (audit.version.empty())
    text += fmt::format("; nothing was run: records up to build {}", newest_known_build(audit.engine));
  return paragraph(text) + paragraph(counts(audit)) + "\n";
}

std::string row_text(const FlagRow& row) {
  const std::string flag = one_line(row.flag.text());
  std::string why = row.why;
  if (!row.evidence.empty()) why = row.evidence + (why.empty() ? "" : "; " + why);
  if (row.flag.record != nullptr && row.verdict != FlagVerdict::rejected)
    why = std::string(row.flag.record->does) + (why.empty() ? "" : ": " + why);
  std::string out;
  const std::vector<std::string> lines = wrap(one_line(why), kScreenColumns - 2 - kFlagColumns);
  const bool own_line = columns(flag) >= kFlagColumns;
  if (own_line || lines.empty()) out += "  " + fit(flag, kScreenColumns - 2) + "\n";
  for (std::size_t i = 0; i < lines.size(); ++i)
    out += "  " + left(i == 0 && !own_line ? flag : "", kFlagColumns) + lines[i] + "\n";
  return out;
}

std::string group_text(const Audit& audit, FlagVerdict verdict) {
  std::string out, names;
  for (const FlagRow& row : audit.rows) {
    if (row.verdict != verdict) continue;
    if (verdict == FlagVerdict::not_speed) names += (names.empty() ? "" : ", ") + glued(one_line(row.flag.text()));
    else out += row_text(row);
  }
  if (!names.empty())
    for (const std::string& line : wrap(names, kScreenColumns - 2)) out += "  " + line + "\n";
  if (out.empty()) return "";
  return paragraph(fmt::format("{}: {}", words_of(verdict), meaning_of(verdict))) + out + "\n";
}

}  // namespace

std::string audit_text(const Audit& audit, const Ablation* ablation) {
  std::string out = head(audit);
  for (const FlagVerdict verdict : kOrder) out += group_text(audit, verdict);
  if (ablation != nullptr) out += ablation_text(audit, *ablation) + "\n";
  for (const std::string& finding : audit.findings) out += labelled("finding", one_line(finding));
  for (const std::string& note : audit.line.notes) out += labelled("read as", one_line(note));
  for (const std::string& rewrite : audit.rewrites) out += labelled("rewritten", one_line(rewrite));
  if (!audit.ran.empty()) out += "  " + left("ran", 13) + one_line(audit.ran) + "\n";
  if (!audit.run_end.empty()) out += labelled("ended", one_line(audit.run_end));
  if (audit.version.empty()) out += labelled("next", "--engine DIR runs the line on a short workload and looks for evidence");
  else if (ablation == nullptr && !audit.ran.empty()) out += labelled("next", "--ablate measures what each flag does to the speed");
  return out;
}

std::string audit_json(const Audit& audit, const Ablation* ablation) {
  Json flags = Json::array();
  for (const FlagRow& row : audit.rows)
    flags.push_back({{"flag", row.flag.word},
                     {"values", row.flag.values},
                     {"verdict", to_string(row.verdict)},
                     {"does", row.flag.record != nullptr ? row.flag.record->does : ""},
                     {"why", row.why},
                     {"evidence", row.evidence}});
  Json json = {{"schema", 1},
               {"tool", audit.line.tool},
               {"engine", to_string(audit.engine)},
               {"engine_reason", audit.engine_reason},
               {"build", audit.build},
               {"version", audit.version},
               {"flags", flags},
               {"findings", audit.findings},
               {"notes", audit.line.notes},
               {"rewrites", audit.rewrites},
               {"ran", audit.ran},
               {"run_end", audit.run_end}};
  if (ablation != nullptr) json["ablation"] = ablation_json(audit, *ablation);
  return dump_json(json, 1) + "\n";
}

}  // namespace oldiron::reports
