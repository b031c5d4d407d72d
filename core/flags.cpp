// From a Config to the flags of a foreign engine's tool, by the spellings of the levers.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/config.hpp"
#include "core/machine.hpp"
#include "core/model.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

/// The first word of a spelling that starts with '-'; empty if none does.
std::string_view first_flag(std::string_view spelling) {
  for (std::size_t i = 0; i < spelling.size(); ++i) {
    const bool starts_word =
        i == 0 || std::string_view(" =;").find(spelling[i - 1]) != std::string_view::npos;
    if (spelling[i] == '-' && starts_word) {
      return spelling.substr(i, spelling.find_first_of(" ;", i) - i);
    }
  }
  return "";
}

/// What a lever's spelling may refer to.
struct Names {
  const Config& config;
  const ModelSpec* model;
  std::string value;
  const Machine* machine = nullptr;

  /// nullopt if it needs a model or machine and there is none.
  std::optional<std::string> find(std::string_view name) const {
    if (name.empty()) return value;
    if (name == "architecture") return model ? std::optional(model->architecture) : std::nullopt;
    if (name == "expert_used_count") {
      return model ? std::optional(std::to_string(model->expert_used_count)) : std::nullopt;
    }
    if (name == "core_cpus") {
      std::vector<int> cpus;
      if (machine == nullptr) return std::nullopt;
      for (const Core& core : machine->cores)
        if (!core.cpus.empty()) cpus.push_back(core.cpus.front());
      return fmt::format("{}", fmt::join(cpus, ","));
    }
    return lever(name).get(config);
  }

  std::optional<std::string> expand(std::string_view text) const {
    std::string expanded;
    while (!text.empty()) {
      const std::size_t open = text.find('{');
      expanded += text.substr(0, open);
      if (open == std::string_view::npos) break;
      const std::size_t close = text.find('}', open);
      CHECK(close != std::string_view::npos, "a reference in levers.def ends with }");
      const auto known = find(text.substr(open + 1, close - open - 1));
      if (!known) return std::nullopt;
      expanded += *known;
      text.remove_prefix(close + 1);
    }
    return expanded;
  }
};

struct Chosen {
  bool possible = false;
  std::string flags = {};   ///< words separated by spaces; may be empty
  std::string reason = {};  ///< of what is not possible; empty: the record's
};

Chosen expanded(const Names& names, std::string_view text) {
  if (const auto flags = names.expand(text)) return {.possible = true, .flags = *flags};
  return {.reason = "the model is not known"};
}

Chosen spell(const Names& names, std::string_view alternative) {
  if (alternative.starts_with('-')) return expanded(names, alternative);
  for (std::string_view entry : split(alternative, ";")) {
    const std::size_t equals = entry.find('=');
    CHECK(equals != std::string_view::npos, "an entry of a table in levers.def has a =");
    const std::string_view key = entry.substr(0, equals);
    if (key == "*" || names.expand(key) == names.value) return expanded(names, entry.substr(equals + 1));
  }
  return {};
}

std::string_view lacking_reason(const Lever& lever, Engine engine) {
  for (const auto& [lacks, reason] : lever.lacking) {
    if (lacks == engine) return reason;
  }
  return "this tool has no flag for it";
}

Chosen choose(const Lever& lever, const Names& names, Engine engine, Tool tool,
              const std::function<bool(std::string_view)>& knows) {
  std::vector<std::string> unknown;
  for (const Spelling& spelling : lever.spellings) {
    if (spelling.engine != engine || spelling.tool != tool) continue;
    for (std::string_view alternative : split(spelling.text, " || ")) {
      const std::string_view flag = first_flag(alternative);
      if (flag.empty() || knows(flag)) return spell(names, alternative);
      unknown.emplace_back(flag);
    }
  }
  if (unknown.empty()) return {};
  return {.reason = fmt::format("its --help lists no {}", list_text(unknown, "or"))};
}

bool stands_in_front(const Lever& lever, Engine engine) {
  return std::any_of(lever.spellings.begin(), lever.spellings.end(),
                     [&](const Spelling& s) { return s.engine == engine && s.tool == Tool::front; });
}

}  // namespace

std::vector<std::string> words_in_front(const Config& config, Engine engine, const Machine& machine) {
  std::vector<std::string> words;
  for (const Lever& lever : levers()) {
    if (!stands_in_front(lever, engine)) continue;
    const Names names{config, nullptr, lever.get(config), &machine};
    const Chosen chosen = choose(lever, names, engine, Tool::front, [](std::string_view) { return true; });
    CHECK(chosen.possible, "every value of a lever in front of a program is spelled");
    for (std::string_view word : split(chosen.flags, " "))
      if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

Flags flags_for(const Config& config, Engine engine, Tool tool,
                const std::function<bool(std::string_view)>& knows, bool all, const ModelSpec* model) {
  Flags flags;
  if (engine == Engine::oldiron) {
    for (const Lever& lever : levers()) {
      if (all || lever.get(config) != lever.get(Config{})) {
        flags.argv.insert(flags.argv.end(), {"--set", fmt::format("{}={}", lever.name, lever.get(config))});
      }
    }
    return flags;
  }
  for (const Lever& lever : levers()) {
    if (stands_in_front(lever, engine)) continue;
    const Names names{config, model, lever.get(config)};
    const bool is_default = names.value == lever.get(Config{});
    if (is_default && !all) continue;
    const Chosen chosen = choose(lever, names, engine, tool, knows);
    if (chosen.possible) {
      for (std::string_view word : split(chosen.flags, " ")) {
        if (!word.empty()) flags.argv.emplace_back(word);
      }
    } else if (!is_default) {
      flags.unsupported.push_back(
          fmt::format("{}={}: {}", lever.name, names.value,
                      chosen.reason.empty() ? lacking_reason(lever, engine) : chosen.reason));
    }
  }
  return flags;
}

}  // namespace oldiron
