#include "runner/audit/run_log.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/check.hpp"
#include "core/json.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

/// Takes the next line off the front.
std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

void skip_blanks(std::string_view& text) { text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t"))); }

/// Takes a number that is finite and not negative off the front, and blanks before it.
bool take_number(std::string_view& text, double& number) {
  skip_blanks(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, std::string_view word) {
  skip_blanks(text);
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

/// Behind `mark` in the line; `found` false if it is not there.
std::string_view behind(std::string_view line, std::string_view mark, bool& found) {
  const auto at = line.find(mark);
  found = at != std::string_view::npos;
  return found ? line.substr(at + mark.size()) : std::string_view();
}

int whole(double number) { return number < 1e9 ? static_cast<int>(number) : 0; }

double rate(double tokens, double ms) { return ms > 0 ? tokens / ms * 1e3 : 0; }

/// "=  337.09 ms /    62 tokens (" behind a kind of time.
bool take_time(std::string_view rest, double& tokens, double& ms) {
  return take(rest, "=") && take_number(rest, ms) && take(rest, "ms") && take(rest, "/") && take_number(rest, tokens) && ms > 0 && tokens >= 1;
}

void read_time_line(std::string_view line, WorkTimes& times) {
  bool is_prompt = false, is_eval = false;
  double tokens = 0, ms = 0;
  const std::string_view prompt = behind(line, "prompt eval time", is_prompt);
  const std::string_view eval = behind(line, "eval time", is_eval);
  if (is_prompt) {
    if (!take_time(prompt, tokens, ms)) return;
    times.prompt_tokens = whole(tokens);
    times.prefill_tokens_per_s = rate(tokens, ms);
  } else if (is_eval && take_time(eval, tokens, ms)) {
    times.generated_tokens = whole(tokens);
    times.decode_tokens_per_s = rate(tokens, ms);
  }
}

/// "( 12 accepted / 34 generated)"
void read_drafts(std::string_view line, WorkTimes& times) {
  const auto at = line.find("accepted /");
  if (at == std::string_view::npos || at == 0) return;
  std::size_t begin = line.substr(0, at).find_last_not_of(' ');
  if (begin == std::string_view::npos) return;
  while (begin > 0 && is_digit(line[begin - 1])) --begin;
  std::string_view accepted = line.substr(begin), generated = line.substr(at + 10);
  double a = 0, g = 0;
  if (!take_number(accepted, a) || !take_number(generated, g) || !take(generated, "generated")) return;
  times.accepted_tokens = whole(a);
  times.drafted_tokens = whole(g);
}

/// "[ Prompt: 778.4 t/s | Generation: 115.4 t/s ]"
void read_short_rates(std::string_view line, WorkTimes& times) {
  bool found = false;
  std::string_view rest = behind(line, "[ Prompt:", found);
  double prompt = 0, generation = 0;
  if (!found || !take_number(rest, prompt) || !take(rest, "t/s") || !take(rest, "|") || !take(rest, "Generation:") || !take_number(rest, generation)) return;
  if (times.prompt_tokens == 0) times.prefill_tokens_per_s = prompt;
  if (times.generated_tokens == 0) times.decode_tokens_per_s = generation;
}

double number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return 0;
  const double value = found->get<double>();
  return std::isfinite(value) && value >= 0 ? value : 0;
}

/// The JSON of a text that may be broken; null then.
Json lenient(const std::string& text) { return Json::parse(text, nullptr, false); }

void take_digits(std::string_view& text, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) number = 0;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
}

std::string take_word(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && length < 64 && is_word(text[length])) ++length;
  std::string word(text.substr(0, length));
  text.remove_prefix(length);
  return word;
}

}  // namespace

WorkTimes times_of_log(std::string_view log) {
  WorkTimes times;
  while (!log.empty()) {
    const std::string_view line = next_line(log);
    read_time_line(line, times);
    read_drafts(line, times);
    read_short_rates(line, times);
  }
  return times;
}

WorkTimes times_of_bench(const std::string& json) {
  WorkTimes times;
  const Json rows = lenient(json);
  if (!rows.is_array()) return times;
  for (const Json& row : rows) {
    if (!row.is_object()) continue;
    const int prompt = whole(number_of(row, "n_prompt")), generated = whole(number_of(row, "n_gen"));
    const double speed = number_of(row, "avg_ts");
    if (prompt > 0 && generated == 0) {
      times.prompt_tokens = prompt;
      times.prefill_tokens_per_s = speed;
    } else if (generated > 0 && prompt == 0) {
      times.generated_tokens = generated;
      times.decode_tokens_per_s = speed;
    }
  }
  return times;
}

GraphSize graph_of_log(std::string_view log) {
  GraphSize graph;
  constexpr std::size_t kMostGraphs = 64;
  while (!log.empty()) {
    const std::string_view line = next_line(log);
    bool found = false;
    double number = 0;
    std::string_view rest = behind(line, "graph nodes", found);
    if (found && graph.nodes.size() < kMostGraphs && take(rest, "=") && take_number(rest, number)) graph.nodes.push_back(whole(number));
    rest = behind(line, "compute buffer size", found);
    if (found && take(rest, "=") && take_number(rest, number)) graph.compute_mib += number;
    const bool reordered = line.find("CPU_REPACK") != std::string_view::npos || line.find("AMX") != std::string_view::npos;
    rest = behind(line, "model buffer size", found);
    if (reordered && found && take(rest, "=") && take_number(rest, number)) graph.repacked_mib += number;
  }
  return graph;
}

std::vector<std::string> features_of_log(std::string_view log) {
  std::vector<std::string> names;
  const auto at = log.find("system_info");
  if (at == std::string_view::npos) return names;
  std::string_view line = log.substr(at);
  line = line.substr(0, line.find('\n'));
  for (std::size_t equals = line.find(" = 1 "); equals != std::string_view::npos; equals = line.find(" = 1 ", equals + 1)) {
    std::size_t begin = equals;
    while (begin > 0 && is_word(line[begin - 1])) --begin;
    std::string name(line.substr(begin, equals - begin));
    // Not "n_threads = 1".
    const bool capital = !name.empty() && std::isupper(static_cast<unsigned char>(name.front())) != 0;
    if (capital && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

int build_of_version(std::string_view text, std::string& commit) {
  const auto after = [&](std::string_view mark) {
    bool found = false;
    const std::string_view rest = behind(text, mark, found);
    return rest;
  };
  int build = 0;
  if (std::string_view rest = after("version: "); !rest.empty()) {
    take_digits(rest, build);
    if (build > 0 && take(rest, "(")) {
      commit = take_word(rest);
      if (rest.starts_with(")")) return build;
    }
  }
  if (std::string_view rest = after("(build "); !rest.empty()) {
    take_digits(rest, build);
    if (build > 0 && take(rest, ", commit ")) {
      commit = take_word(rest);
      return build;
    }
  }
  if (std::string_view rest = after("build: "); !rest.empty()) {
    commit = take_word(rest);
    if (take(rest, "(")) take_digits(rest, build);
    if (!commit.empty() && build > 0 && rest.starts_with(")")) return build;
  }
  commit.clear();
  return 0;
}

}  // namespace oldiron
