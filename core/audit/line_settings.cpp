// The levers' spellings read backwards.
#include "core/audit/line_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "core/audit/audit.hpp"
#include "core/audit/flag_groups.hpp"
#include "core/model.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

/// One way to say a value: flags with the words behind each. `value` empty: it stands where {} does.
struct Saying {
  std::string value;
  std::vector<std::vector<std::string>> flags;
};

std::vector<std::vector<std::string>> grouped(std::string_view words) {
  std::vector<std::vector<std::string>> flags;
  for (const std::string_view word : split(words, " ")) {
    if (word.empty()) continue;
    if (word.starts_with('-') || flags.empty()) flags.emplace_back();
    flags.back().emplace_back(word);
  }
  return flags;
}

/// What a lever's spellings for this engine and tool say; values that no flag says are left out.
std::vector<Saying> sayings(const Lever& lever, Engine engine, Tool tool, const ModelSpec& model) {
  std::vector<Saying> all;
  for (const Spelling& spelling : lever.spellings) {
    if (spelling.engine != engine || spelling.tool != tool) continue;
    std::string text(spelling.text);
    replace_all(text, "{architecture}", model.architecture);
    for (const std::string_view alternative : split(text, " || ")) {
      if (alternative.starts_with('-')) {
        all.push_back({"", grouped(alternative)});
        continue;
      }
      for (const std::string_view entry : split(alternative, ";")) {
        const std::size_t equals = entry.find('=');
        const std::string_view key = entry.substr(0, equals);
        auto flags = grouped(entry.substr(equals + 1));
        // A key in braces stands for another lever: -t of llama-bench for both phases.
        if (!flags.empty()) all.push_back({key == "*" || key.starts_with('{') ? std::string() : std::string(key), std::move(flags)});
      }
    }
  }
  return all;
}

/// What stands for {} in `pattern`, if `word` is it otherwise.
std::optional<std::string> captured(const std::string& pattern, const std::string& word) {
  const std::size_t hole = pattern.find("{}");
  if (hole == std::string::npos) return pattern == word ? std::optional(std::string()) : std::nullopt;
  const std::string_view before(pattern.data(), hole), after(pattern.data() + hole + 2, pattern.size() - hole - 2);
  if (word.size() < before.size() + after.size() || !word.starts_with(before) || !word.ends_with(after)) return std::nullopt;
  return word.substr(before.size(), word.size() - before.size() - after.size());
}

class SettingsReader {
 public:
  SettingsReader(const PastedLine& line, Engine engine, const ModelSpec& model, const std::function<bool(std::string_view)>& knows, Tool runs)
      : line_(line), engine_(engine), model_(model), knows_(knows), runs_(runs) {
    for (GivenFlag& flag : given_flags(line, engine))
      if (flag.at != std::string::npos) flags_.push_back(std::move(flag));
  }

  LineSettings read() {
    for (const Lever& lever : levers()) {
      for (const Saying& saying : sayings(lever, engine_, written_for(), model_)) take(lever, saying);
      for (const Saying& saying : sayings(lever, engine_, Tool::front, model_)) take_front(lever, saying);
    }
    // Both engines' programs take one count for both phases where the other is not given.
    if (settings_.config.prefill_threads == 0) settings_.config.prefill_threads = settings_.config.decode_threads;
    for (const auto& [name, value] : line_.environment)
      if (const std::string word = name + "=" + value; !taken_front_.contains(word)) settings_.more_front.push_back(word);
    for (const Wrapper& wrapper : line_.wrappers) hand_on(wrapper);
    for (std::size_t i = 0; i < flags_.size(); ++i)
      if (!taken_.contains(i)) hand_on(flags_[i]);
    return std::move(settings_);
  }

 private:
  Tool written_for() const { return line_.tool == "llama-bench" ? Tool::bench : Tool::server; }

  /// The last flag on the line that this word spells.
  std::optional<std::size_t> find(const std::string& word) const {
    for (std::size_t i = flags_.size(); i-- > 0;)
      if (flags_[i].word == word || (flags_[i].record != nullptr && flags_[i].record->spells(word))) return i;
    return std::nullopt;
  }

  void take(const Lever& lever, const Saying& saying) {
    std::vector<std::size_t> used;
    std::optional<std::string> value;
    for (const std::vector<std::string>& flag : saying.flags) {
      const auto at = find(flag.front());
      if (!at || flags_[*at].values.size() + 1 != flag.size()) return;
      for (std::size_t i = 1; i < flag.size(); ++i) {
        const auto hole = captured(flag[i], flags_[*at].values[i - 1]);
        if (!hole || (!hole->empty() && value && *value != *hole)) return;
        if (!hole->empty()) value = hole;
      }
      used.push_back(*at);
    }
    const std::string said = saying.value.empty() ? value.value_or("") : saying.value;
    if (said.empty() || said.find_first_of("{$") != std::string::npos) return;
    if (!lever.domain.names.empty() && std::find(lever.domain.names.begin(), lever.domain.names.end(), said) == lever.domain.names.end())
      return;  // a type that we have no name for is handed through
    try {
      lever.set(settings_.config, said);
    } catch (const Error& refused) {
      leave_out(flags_[used.front()].text(), refused.what());
    }
    for (const std::size_t at : used)
      for (std::size_t i = 0; i < flags_.size(); ++i)
        if (flags_[i].record == flags_[at].record && flags_[i].record != nullptr) taken_.insert(i);
  }

  void take_front(const Lever& lever, const Saying& saying) {
    std::string words;
    for (const auto& flag : saying.flags) words += (words.empty() ? "" : " ") + fmt::format("{}", fmt::join(flag, " "));
    for (const auto& [name, value] : line_.environment)
      if (words == name + "=" + value) {
        lever.set(settings_.config, saying.value);
        taken_front_.insert(words);
      }
    for (const Wrapper& wrapper : line_.wrappers)
      if (words == fmt::format("{} {}", wrapper.name, fmt::join(wrapper.words, " "))) {
        lever.set(settings_.config, saying.value);
        taken_front_.insert(words);
      }
  }

  void leave_out(const std::string& what, std::string_view why) { settings_.left_out.push_back(fmt::format("{}: {}", what, why)); }

  void hand_on(const Wrapper& wrapper) {
    const std::string words = fmt::format("{} {}", wrapper.name, fmt::join(wrapper.words, " "));
    if (taken_front_.contains(words)) return;
    if (wrapper.name == "numactl" || wrapper.name == "taskset") {
      settings_.more_front.push_back(wrapper.name);
      settings_.more_front.insert(settings_.more_front.end(), wrapper.words.begin(), wrapper.words.end());
    } else {
      leave_out(words, "what starts the program is not run");
    }
  }

  void hand_on(const GivenFlag& flag) {
    if (flag.record != nullptr && flag.record->spells("-m")) {
      settings_.model = flag.value();
      return;
    }
    if (!flag.refusal.empty()) return leave_out(flag.text(), flag.refusal);
    if (flag.record == nullptr) return leave_out(flag.text(), "not known");
    for (const std::string_view ours : {"-p", "-n", "-r", "-o", "-pg", "-gp", "-d", "-v"})
      if (flag.word == ours || flag.record->spells(ours)) return leave_out(flag.text(), "the workload of the comparison stands for it");
    if (runs_ == Tool::server) return hand_on_to_server(flag);
    if (flag.record->spells("-c")) return leave_out(flag.text(), "llama-bench takes the context that its tests need");
    const int words = written_for() == Tool::bench ? flag.record->bench_values : flag.record->values;
    const std::string spelled = known_spelling(flag);
    if (spelled.empty() || flag.record->bench_values == kNotTaken) return leave_out(flag.text(), "llama-bench has no such flag");
    if (flag.record->bench_values != words && !(words == 0 && flag.record->bench_values == 1))
      return leave_out(flag.text(), "llama-bench takes it in another form");
    hand_on_as(spelled, flag);
    if (words == 0 && flag.record->bench_values == 1) settings_.more_flags.emplace_back("1");
  }

  void hand_on_to_server(const GivenFlag& flag) {
    if (one_of(kWorkFlags, flag.word)) return leave_out(flag.text(), "the workload of the comparison stands for it");
    if (flag.record->spells("-c")) return leave_out(flag.text(), "it takes the context that the comparison's requests need");
    if (one_of(kServiceFlags, flag.word)) return leave_out(flag.text(), "it is started on 127.0.0.1, on a port and behind a key of its own");
    if (one_of(kLogFlags, flag.word)) return leave_out(flag.text(), "what it prints is kept here");
    if (one_of(kDownloadFlags, flag.word)) return leave_out(flag.text(), "nothing is downloaded");
    if (one_of(kInteractiveFlags, flag.word)) return leave_out(flag.text(), "it talks to a person");
    const std::string spelled = known_spelling(flag);
    if (spelled.empty() || flag.record->values == kNotTaken) return leave_out(flag.text(), "llama-server has no such flag");
    if (written_for() == Tool::bench && flag.record->bench_values != flag.record->values) return leave_out(flag.text(), "llama-server takes it in another form");
    hand_on_as(spelled, flag);
  }

  void hand_on_as(const std::string& spelled, const GivenFlag& flag) {
    settings_.more_flags.push_back(spelled);
    settings_.more_flags.insert(settings_.more_flags.end(), flag.values.begin(), flag.values.end());
  }

  /// The spelling that the tool lists; empty if it lists none.
  std::string known_spelling(const GivenFlag& flag) const {
    if (knows_(flag.word)) return flag.word;
    if (flag.record->group) return "";
    for (const std::string_view each : split(flag.record->spellings, " "))
      if (knows_(each)) return std::string(each);
    return "";
  }

  const PastedLine& line_;
  Engine engine_;
  const ModelSpec& model_;
  const std::function<bool(std::string_view)>& knows_;
  Tool runs_;
  std::vector<GivenFlag> flags_;
  std::set<std::size_t> taken_;
  std::set<std::string> taken_front_;
  LineSettings settings_;
};

}  // namespace

LineSettings settings_of_line(const PastedLine& line, Engine engine, const ModelSpec& model, const std::function<bool(std::string_view)>& knows, Tool tool) {
  return SettingsReader(line, engine, model, knows, tool).read();
}

}  // namespace oldiron
