#include "core/audit/line_findings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/memory_plan.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

constexpr std::int64_t kOrdinaryContext = 16384;

bool is_bench(const Audit& audit) { return audit.line.tool == "llama-bench"; }

std::string will_not_start(const Audit& audit) {
  std::vector<std::string> flags;
  for (const FlagRow& row : audit.rows)
    if (row.verdict == FlagVerdict::rejected) flags.push_back(row.flag.text());
  if (flags.empty()) return "";
  return fmt::format("This line does not start: {} refuses {}", display_name(audit.engine), list_text(flags, "and"));
}

/// An unset -c takes all the context that the model was built for; what that costs where the model is known.
std::string unset_context(const Audit& audit, const AuditSurroundings& around) {
  if (is_bench(audit) || audit.line.tool == "llama-perplexity") return "";
  if (const FlagRow* row = row_of(audit, "-c"); row != nullptr && row->flag.value() != "0") return "";
  const bool ik = audit.engine == Engine::ik_llama;
  std::string text = "No -c: " + std::string(ik ? "the whole context of the model is set aside and resident from the start"
                                                : "the whole context of the model is set aside, cut to what memory holds (--fit)");
  if (!around.model || around.model->context_length <= 0) return text + "; say -c, for example -c 16384";
  MemoryRequest request{.engine = audit.engine, .context = around.model->context_length};
  const std::int64_t whole = memory_plan(*around.model, request).kv;
  request.context = std::min(kOrdinaryContext, request.context);
  const std::int64_t ordinary = memory_plan(*around.model, request).kv;
  text += fmt::format(": {} for {} tokens", bytes_text(static_cast<double>(whole)), around.model->context_length);
  if (ordinary < whole) text += fmt::format("; -c {} takes {}", request.context, bytes_text(static_cast<double>(ordinary)));
  return text;
}

/// Flags that are about drafts, on a line where nothing drafts.
std::string nothing_drafts(const Audit& audit) {
  std::size_t about = 0, able = 0;
  for (const FlagRow& row : audit.rows) {
    const bool spec = row.flag.word.starts_with("--spec") || row.flag.word.starts_with("--draft") || row.flag.word == "-md" ||
                      row.flag.word == "--model-draft";
    if (spec) ++about;
    const FlagRecord* record = row.flag.record;
    if (spec && record != nullptr && (record->spells("--spec-type") || record->spells("-md")) && row.verdict == FlagVerdict::can_act) ++able;
  }
  if (about == 0) return "";
  if (able == 0) return "Nothing drafts on this line: its flags for speculation change nothing";
  if (audit.engine == Engine::ik_llama && audit.line.tool == "llama-cli" && audit.build == 0)
    return "Older builds of llama-cli (before 4684, July 2026) take these flags and draft nothing. The log tells: eval runs = tokens - 1 "
           "and prompt tokens = those of the prompt mean that every token was decoded alone";
  return "";
}

std::string lossy(const Audit& audit) {
  std::vector<std::string> flags;
  for (const char* name : {"-ctk", "-ctv", "-okv", "--override-kv"}) {
    const FlagRow* row = row_of(audit, name);
    const bool loses = row != nullptr && row->verdict == FlagVerdict::can_act && row->flag.value() != "f32" && row->flag.value() != "bf16";
    if (loses && std::find(flags.begin(), flags.end(), row->flag.text()) == flags.end()) flags.push_back(row->flag.text());
  }
  if (flags.empty()) return "";
  return fmt::format("{} can lose quality: a speed with it is to be told with a quality figure (llama-perplexity --kl-divergence)", list_text(flags, "and"));
}

/// Programs in front that change nothing about speed.
std::string set_aside(const Audit& audit) {
  std::vector<std::string> names, containers;
  for (const Wrapper& each : audit.line.wrappers) {
    const FlagRecord* record = find_flag(audit.engine, audit.line.tool, each.name);
    if (record == nullptr || record->otherwise != FlagVerdict::not_speed) continue;
    std::vector<std::string>& list = record->spells("docker") ? containers : names;
    if (std::find(list.begin(), list.end(), each.name) == list.end()) list.push_back(each.name);
  }
  const bool several = names.size() > 1;
  std::string text;
  if (!names.empty()) text = fmt::format("{} only {} the tool, and {} set aside", list_text(names, "and"), several ? "start" : "starts", several ? "are" : "is");
  if (!containers.empty())
    text += fmt::format("{}{} is set aside, and with it whatever its container limits (--cpus, --cpuset-cpus, --memory)", text.empty() ? "" : "; ", containers.front());
  return text;
}

std::string too_large(const AuditSurroundings& around) {
  if (!around.model || around.usable_memory_bytes <= 0 || around.model->bytes() <= around.usable_memory_bytes) return "";
  return fmt::format("The model has {}, and {} of memory can be had here", bytes_text(static_cast<double>(around.model->bytes())),
                     bytes_text(static_cast<double>(around.usable_memory_bytes)));
}

}  // namespace

const FlagRow* row_of(const Audit& audit, std::string_view spelling) {
  const FlagRow* found = nullptr;
  for (const FlagRow& row : audit.rows)
    if (row.flag.record != nullptr && row.flag.refusal.empty() && row.flag.record->spells(spelling)) found = &row;
  return found;
}

std::vector<std::string> line_findings(const Audit& audit, const AuditSurroundings& around) {
  std::vector<std::string> findings = {will_not_start(audit), too_large(around), unset_context(audit, around), nothing_drafts(audit), lossy(audit), set_aside(audit)};
  std::erase(findings, "");
  return findings;
}

}  // namespace oldiron
