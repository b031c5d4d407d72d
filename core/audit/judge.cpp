// Static verdicts: the first case of a flag's record whose conditions all hold.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "core/audit/audit.hpp"
#include "core/audit/line_findings.hpp"
#include "core/audit/wrappers.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

bool begins_with_one_of(std::string_view text, std::string_view words) {
  while (!words.empty()) {
    const std::string_view first = words.substr(0, words.find(' '));
    if (text.starts_with(first)) return true;
    words.remove_prefix(std::min(words.size(), first.size() + 1));
  }
  return false;
}

void replace(std::string& text, std::string_view name, const std::string& value) {
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size()))
    text.replace(at, name.size(), value);
}

/// One flag with its line and surroundings.
class Judge {
 public:
  Judge(const Audit& audit, const std::vector<GivenFlag>& flags, const AuditSurroundings& around)
      : audit_(audit), flags_(flags), around_(around) {}

  FlagRow judge(const GivenFlag& flag) {
    if (!flag.refusal.empty()) return {flag, FlagVerdict::rejected, flag.refusal, ""};
    if (flag.record == nullptr) return {flag, FlagVerdict::unknown, unknown_reason(flag), ""};
    if (const auto verdict = of_wrapper(flag)) return {flag, verdict->verdict, verdict->why, ""};
    if (given_again(flag)) return {flag, FlagVerdict::not_applicable, "given again further on, where it counts", ""};
    flag_ = &flag;
    other_.clear();
    for (const Case& each : flag.record->cases)
      if (std::all_of(each.when.begin(), each.when.end(), [&](const Condition& when) { return holds(when); }))
        return {flag, each.verdict, filled(each.why), ""};
    return {flag, flag.record->otherwise, filled(flag.record->why), ""};
  }

 private:
  std::string unknown_reason(const GivenFlag& flag) const {
    if (flag.at == std::string::npos) return "there is no record of it";
    return "there is no record of it; --engine DIR asks the program";
  }

  std::optional<WrapperVerdict> of_wrapper(const GivenFlag& flag) const {
    if (flag.at != std::string::npos) return {};
    const GivenFlag* threads = on_line("-t");
    const auto count = threads != nullptr ? number_of(threads->value()) : std::nullopt;
    const bool root = around_.root || on_line("sudo") != nullptr;
    return judge_wrapper({flag.word, flag.values}, {.machine = around_.machine, .root = root, .threads = static_cast<int>(count.value_or(0))});
  }

  bool given_again(const GivenFlag& flag) const {
    if (flag.record->group || flag.record->repeats || flag.at == std::string::npos || audit_.line.tool == "llama-bench") return false;
    return std::any_of(flags_.begin(), flags_.end(), [&](const GivenFlag& each) {
      return each.record == flag.record && each.at != std::string::npos && each.at > flag.at && each.refusal.empty();
    });
  }

  /// The last of a flag that the tool takes, by the name of its record; nullptr if the line has none.
  const GivenFlag* on_line(std::string_view name) const {
    const GivenFlag* found = nullptr;
    for (const GivenFlag& each : flags_)
      if (each.record != nullptr && each.refusal.empty() && each.record->spells(name)) found = &each;
    return found;
  }

  /// "-fa=off": with that value.
  bool has(std::string_view flag_and_value) const {
    const auto equals = flag_and_value.find('=');
    const GivenFlag* flag = on_line(flag_and_value.substr(0, equals));
    if (flag == nullptr) return false;
    return equals == std::string_view::npos || lower(flag->value()) == flag_and_value.substr(equals + 1);
  }

  bool has_any(std::string_view words) const {
    while (!words.empty()) {
      const std::string_view first = words.substr(0, words.find(' '));
      if (has(first)) return true;
      words.remove_prefix(std::min(words.size(), first.size() + 1));
    }
    return false;
  }

  /// -1, 0 or 1 against another flag's value or default; nothing if one of them is no number.
  std::optional<int> against(std::string_view name) {
    const GivenFlag* given = on_line(name);
    const FlagRecord* record = find_flag(audit_.engine, audit_.line.tool, name);
    other_ = given != nullptr ? given->value() : record != nullptr ? std::string(record->initial) : "";
    const auto mine = number_of(flag_->value()), theirs = number_of(other_);
    if (!mine || !theirs) return {};
    return *mine < *theirs ? -1 : *mine > *theirs ? 1 : 0;
  }

  std::int64_t cores() const { return static_cast<std::int64_t>(around_.machine.cores.size()); }

  bool memlock_short() const {
    const bool as_root = around_.root || on_line("sudo") != nullptr;
    if (as_root || !around_.facts.memlock_bytes || *around_.facts.memlock_bytes < 0) return false;
    constexpr std::int64_t kSmallModel = std::int64_t{1} << 30;
    return *around_.facts.memlock_bytes < (around_.model ? around_.model->bytes() : kSmallModel);
  }

  bool holds(const Condition& when) {
    using Kind = Condition::Kind;
    const std::string value = lower(flag_->value());
    const auto number = number_of(value);
    const auto& model = around_.model;
    switch (when.kind) {
      case Kind::value:
        return one_of(when.words, value);
      case Kind::value_not:
        return !one_of(when.words, value);
      case Kind::value_begins:
        return begins_with_one_of(value, when.words);
      case Kind::not_a_number:
        return !number && audit_.line.tool != "llama-bench";
      case Kind::below:
        return number && *number < when.number;
      case Kind::above:
        return number && *number > when.number;
      case Kind::above_flag:
        return against(when.words) == 1;
      case Kind::below_flag:
        return against(when.words) == -1;
      case Kind::same_as_flag:
        return on_line(when.words) != nullptr && against(when.words) == 0;
      case Kind::with:
        return has_any(when.words);
      case Kind::without:
        return !has_any(when.words);
      case Kind::tool:
        return one_of(when.words, audit_.line.tool);
      case Kind::below_build:
        return audit_.build > 0 && audit_.build < when.number;
      case Kind::is_cores:
        return cores() > 0 && number == cores();
      case Kind::above_cores:
        return cores() > 0 && number && *number > cores();
      case Kind::one_node:
        return around_.machine.nodes == 1;
      case Kind::no_huge_pages:
        return around_.facts.huge_pages && *around_.facts.huge_pages == 0;
      case Kind::memlock_short:
        return memlock_short();
      case Kind::not_root:
        return !around_.root && on_line("sudo") == nullptr;
      case Kind::dense:
        return model && model->expert_count == 0;
      case Kind::architecture:
        return model && one_of(when.words, model->architecture);
      case Kind::architecture_not:
        return model && !one_of(when.words, model->architecture);
      case Kind::no_window:
        return model && std::none_of(model->layers.begin(), model->layers.end(), [](const LayerSpec& layer) { return layer.sliding; });
    }
    return false;
  }

  std::string filled(std::string_view text) const {
    std::string why(text);
    replace(why, "{value}", flag_->value());
    replace(why, "{cores}", std::to_string(cores()));
    replace(why, "{other}", other_);
    if (around_.model) replace(why, "{architecture}", around_.model->architecture);
    if (around_.facts.memlock_bytes) replace(why, "{memlock}", bytes_text(static_cast<double>(*around_.facts.memlock_bytes)));
    return why;
  }

  const Audit& audit_;
  const std::vector<GivenFlag>& flags_;
  const AuditSurroundings& around_;
  const GivenFlag* flag_ = nullptr;
  std::string other_;
};

}  // namespace

Audit judge(PastedLine line, const AuditSurroundings& surroundings) {
  Audit audit{.line = std::move(line), .build = surroundings.build};
  audit.engine = engine_of_line(audit.line, audit.engine_reason);
  if (surroundings.engine) {
    audit.engine = *surroundings.engine;
    audit.engine_reason = "as --engine has it";
  }
  const std::vector<GivenFlag> flags = given_flags(audit.line, audit.engine);
  Judge judge(audit, flags, surroundings);
  for (const GivenFlag& flag : flags) audit.rows.push_back(judge.judge(flag));
  audit.findings = line_findings(audit, surroundings);
  return audit;
}

}  // namespace oldiron
