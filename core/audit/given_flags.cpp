// Which engine a line is for, and its arguments cut into flags and values as that engine's parsers would.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "core/audit/audit.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

constexpr std::size_t kNoArgument = std::string::npos;

/// Both engines read --flash_attn as --flash-attn.
std::string plain_spelling(std::string word) {
  if (word.starts_with("--")) std::replace(word.begin(), word.end(), '_', '-');
  return word;
}

bool is_number(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && (std::isdigit(static_cast<unsigned char>(word[1])) != 0 || word[1] == '.');
}

bool looks_like_flag(std::string_view word) { return word.size() > 1 && word[0] == '-' && !is_number(word); }

Engine other(Engine engine) { return engine == Engine::ik_llama ? Engine::llama_cpp : Engine::ik_llama; }

bool known_to(Engine engine, const PastedLine& line, const std::string& word) {
  const FlagRecord* record = find_flag(engine, line.tool, plain_spelling(word));
  return record != nullptr && record->values_in(line.tool) != kNotTaken;
}

std::string refusal_of(const FlagRecord* record, const PastedLine& line, Engine engine, const std::string& word) {
  if (record != nullptr) {
    if (record->values_in(line.tool) != kNotTaken) return "";
    return fmt::format("{} does not take it", line.tool);
  }
  const auto equals = word.find('=');
  if (word.starts_with('-') && equals != std::string::npos && find_flag(engine, line.tool, plain_spelling(word.substr(0, equals))) != nullptr)
    return "neither engine takes a value behind `=`; write a blank instead";
  if (find_flag(other(engine), line.tool, plain_spelling(word)) != nullptr)
    return fmt::format("a flag of {}, which {} does not know", display_name(other(engine)), display_name(engine));
  if (!looks_like_flag(word)) return "no flag in front of it takes it";
  return "";
}

class Cutter {
 public:
  Cutter(const PastedLine& line, Engine engine) : line_(line), engine_(engine) {}

  std::vector<GivenFlag> cut() {
    for (const auto& [name, value] : line_.environment) front(name, {value});
    for (const Wrapper& wrapper : line_.wrappers) front(wrapper.name, wrapper.words);
    for (std::size_t at = 0; at < line_.arguments.size();) at = argument(at);
    return std::move(flags_);
  }

 private:
  void front(const std::string& word, std::vector<std::string> values) {
    flags_.push_back({.word = word, .values = std::move(values), .record = find_flag(engine_, line_.tool, word), .at = kNoArgument});
  }

  std::size_t argument(std::size_t at) {
    const std::vector<std::string>& words = line_.arguments;
    GivenFlag flag{.word = words[at], .at = at};
    if (words[at].starts_with('-')) flag.record = find_flag(engine_, line_.tool, plain_spelling(words[at]));
    flag.refusal = refusal_of(flag.record, line_, engine_, words[at]);
    int values = flag.record != nullptr ? flag.record->values_in(line_.tool) : kNotTaken;
    const bool guess = values == kNotTaken && looks_like_flag(words[at]);
    if (guess) values = guessed_values(at);
    for (++at; values > 0; --values, ++at) {
      if (at == words.size() || (!guess && is_next_flag(words[at]))) {
        flag.refusal = "it wants a value behind it, and none is there";
        break;
      }
      flag.values.push_back(words[at]);
    }
    flags_.push_back(std::move(flag));
    return at;
  }

  bool is_next_flag(const std::string& word) const {
    return looks_like_flag(word) && (find_flag(engine_, line_.tool, plain_spelling(word)) != nullptr ||
                                     find_flag(other(engine_), line_.tool, plain_spelling(word)) != nullptr);
  }

  /// Of a flag that this engine or tool has no record of: as the other takes it, else whatever is no flag.
  int guessed_values(std::size_t at) const {
    for (const Engine engine : {engine_, other(engine_)})
      for (const std::string_view tool : {std::string_view(line_.tool), std::string_view("llama-server"), std::string_view("llama-bench")})
        if (const FlagRecord* record = find_flag(engine, tool, plain_spelling(line_.arguments[at])))
          if (const int values = record->values_in(tool); values != kNotTaken)
            return at + 1 < line_.arguments.size() && !looks_like_flag(line_.arguments[at + 1]) ? values : 0;
    return at + 1 < line_.arguments.size() && !looks_like_flag(line_.arguments[at + 1]) ? 1 : 0;
  }

  const PastedLine& line_;
  Engine engine_;
  std::vector<GivenFlag> flags_;
};

}  // namespace

std::string GivenFlag::text() const {
  std::string text = word;
  const bool variable = at == kNoArgument && !word.starts_with('-') && std::isupper(static_cast<unsigned char>(word.empty() ? 'a' : word[0])) != 0;
  for (const std::string& each : values) text += (variable ? "=" : " ") + shell_quote(each);
  return text;
}

Engine engine_of_line(const PastedLine& line, std::string& reason) {
  if (line.tool == "llama-sweep-bench" || line.tool == "llama-spec-bench") {
    reason = "only it has " + line.tool;
    return Engine::ik_llama;
  }
  std::map<Engine, std::vector<std::string>> by;
  for (const std::string& word : line.arguments)
    for (const Engine engine : {Engine::ik_llama, Engine::llama_cpp})
      if (looks_like_flag(word) && known_to(engine, line, word) && !known_to(other(engine), line, word)) by[engine].push_back(word);
  const auto ik = by[Engine::ik_llama].size(), llama = by[Engine::llama_cpp].size();
  const bool path_says_ik = line.program.find("ik_llama") != std::string::npos;
  if (path_says_ik) reason = "by its path";
  if (path_says_ik && ik >= llama) return Engine::ik_llama;
  const Engine engine = ik > llama ? Engine::ik_llama : Engine::llama_cpp;
  if (ik == llama) {
    reason = "its flags could be either's";
    return engine;
  }
  std::vector<std::string>& words = by[engine];
  if (words.size() > 3) words.resize(3);
  reason = "by " + list_text(words, "and");
  return engine;
}

std::vector<GivenFlag> given_flags(const PastedLine& line, Engine engine) { return Cutter(line, engine).cut(); }

}  // namespace oldiron
