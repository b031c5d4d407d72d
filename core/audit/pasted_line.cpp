// From words to a line: variables in front, wrappers, the tool, its arguments.
#include "core/audit/pasted_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "core/check.hpp"
#include "core/front_words.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

/// Programs that start another, and which of their options take the next word as a value; `plain` words stand
/// between their options and the program.
struct WrapperKind {
  std::string_view name;
  std::string_view with_value;
  std::size_t plain = 0;
};

constexpr std::array kWrappers = {
    WrapperKind{"sudo", " -u -g -p -C -h -U -D -R -T "},
    WrapperKind{"doas", " -u -C "},
    WrapperKind{"env", " -u -C -S "},
    WrapperKind{"nice", " -n "},
    WrapperKind{"ionice", " -c -n "},
    WrapperKind{"chrt", " -T -P -D ", 1},
    WrapperKind{"numactl", " -i -p -P -N -C -m -w --interleave --preferred --cpunodebind --physcpubind --membind "},
    WrapperKind{"taskset", "", 1},
    WrapperKind{"time", " -f -o "},
    WrapperKind{"timeout", " -s -k ", 1},
    WrapperKind{"nohup", ""},
    WrapperKind{"setsid", ""},
    WrapperKind{"exec", " -a "},
    WrapperKind{"command", ""},
    WrapperKind{"stdbuf", " -i -o -e "},
    WrapperKind{"prlimit", ""},
    WrapperKind{"systemd-run", " -p -u -E "},
    WrapperKind{"unbuffer", ""},
    WrapperKind{"catchsegv", ""},
};

/// Programs that start an image, and their options that take no word behind them; all others do, if not behind `=`.
constexpr std::string_view kContainers = " docker podman nerdctl ";
constexpr std::string_view kContainerSwitches =
    " -i -t -d -it -ti -id -di -td -dt -itd -dit -P --rm --init --privileged --detach --interactive --tty --publish-all --read-only --no-healthcheck ";

/// Names of before 2024-06, when every tool got its prefix.
const std::map<std::string, std::string, std::less<>> kOldNames = {
    {"main", "llama-cli"},
    {"server", "llama-server"},
    {"perplexity", "llama-perplexity"},
    {"batched-bench", "llama-batched-bench"},
};

constexpr std::array kTools = {"llama-cli",          "llama-server",     "llama-bench",     "llama-batched-bench",
                               "llama-sweep-bench",  "llama-perplexity", "llama-completion", "llama-spec-bench",
                               "llama-mtmd-cli",     "llama-speculative", "llama-simple",    "llama-run"};

std::string base_name(std::string_view path) {
  path = path.substr(path.find_last_of("/\\") + 1);  // npos + 1 is 0
  std::string name(path);
  if (name.ends_with(".exe")) name.resize(name.size() - 4);
  return name;
}

/// Empty if it is none of ours.
std::string tool_of(std::string_view word) {
  const std::string name = base_name(word);
  if (const auto old = kOldNames.find(name); old != kOldNames.end()) return old->second;
  return std::find(kTools.begin(), kTools.end(), name) != kTools.end() ? name : "";
}

/// What the images of llama.cpp start by themselves, by their tags; empty of any other.
std::string tool_of_image(std::string_view image) {
  const auto colon = image.rfind("llama.cpp:");
  if (colon == std::string_view::npos) return "";
  const std::string_view tag = image.substr(image.rfind(':') + 1);
  return tag.starts_with("server") ? "llama-server" : tag.starts_with("light") ? "llama-cli" : "";
}

bool is_assignment(std::string_view word) { return assignment_in(word) != std::string_view::npos; }

const WrapperKind* wrapper_of(std::string_view word) {
  const std::string name = base_name(word);
  const auto found = std::find_if(kWrappers.begin(), kWrappers.end(), [&](const auto& kind) { return kind.name == name; });
  return found == kWrappers.end() ? nullptr : &*found;
}

/// One dash of a text processor stood for two.
void mend_dash(std::string& word, std::vector<std::string>& notes) {
  for (const std::string_view dash : {"\u2013", "\u2014", "\u2212"}) {
    if (!word.starts_with(dash)) continue;
    std::string rest = word.substr(dash.size());
    while (rest.starts_with('-')) rest.erase(0, 1);
    const std::string mended = (rest.size() > 4 ? "--" : "-") + rest;
    notes.push_back(fmt::format("{} starts with a typographic dash, which the tool would refuse; it was read as {}", word, mended));
    word = mended;
  }
}

class WordReader {
 public:
  explicit WordReader(std::vector<std::string> words) : words_(std::move(words)) {}

  PastedLine read() {
    while (at_ < words_.size() && (words_[at_] == "$" || words_[at_] == "%" || words_[at_] == "#")) ++at_;  // a prompt
    for (;;) {
      if (at_ == words_.size()) refuse("it starts no program");
      const std::string& word = words_[at_];
      if (is_assignment(word)) assignment();
      else if (const WrapperKind* kind = wrapper_of(word)) wrapper(*kind);
      else if (kContainers.find(" " + base_name(word) + " ") != std::string_view::npos) container();
      else break;
    }
    program();
    return std::move(line_);
  }

 private:
  [[noreturn]] static void refuse(const std::string& why) {
    throw Error(fmt::format("{}; audit reads lines that start a tool of llama.cpp or ik_llama.cpp, such as "
                            "llama-server -m MODEL -t 8",
                            why));
  }

  void assignment() {
    const std::string& word = words_[at_++];
    const auto equals = word.find('=');
    line_.environment.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }

  void wrapper(const WrapperKind& kind) {
    Wrapper wrapper{.name = std::string(kind.name)};
    std::size_t plain = kind.plain;
    for (++at_; at_ < words_.size(); ++at_) {
      const std::string& word = words_[at_];
      if (kind.name == "env" && is_assignment(word)) break;
      const bool option = word.size() > 1 && word.front() == '-';
      if (!option && (plain == 0 || !tool_of(word).empty())) break;
      wrapper.words.push_back(word);
      if (!option) --plain;
      if (kind.with_value.find(" " + word + " ") != std::string_view::npos && at_ + 1 < words_.size() &&
          tool_of(words_[at_ + 1]).empty())
        wrapper.words.push_back(words_[++at_]);
    }
    line_.wrappers.push_back(std::move(wrapper));
  }

  /// `docker run OPTIONS IMAGE`: the program is the next word, or what the image is known to start.
  void container() {
    Wrapper wrapper{.name = base_name(words_[at_])};
    const auto take = [&] { wrapper.words.push_back(words_[at_++]); };
    for (++at_; at_ < words_.size() && (words_[at_] == "run" || words_[at_] == "exec" || words_[at_] == "container");) take();
    while (at_ < words_.size() && words_[at_].starts_with('-')) {
      const bool alone = words_[at_].find('=') != std::string::npos || kContainerSwitches.find(" " + words_[at_] + " ") != std::string_view::npos;
      take();
      if (!alone && at_ < words_.size()) take();
    }
    if (at_ < words_.size()) take();
    const std::string tool = wrapper.words.empty() ? "" : tool_of_image(wrapper.words.back());
    const bool named = at_ < words_.size() && (!tool_of(words_[at_]).empty() || wrapper_of(words_[at_]) != nullptr || is_assignment(words_[at_]));
    if (!named && tool.empty()) refuse(fmt::format("it starts {}, and what the image starts is not on the line", wrapper.name));
    if (!named) words_.insert(words_.begin() + static_cast<std::ptrdiff_t>(at_), tool);
    line_.wrappers.push_back(std::move(wrapper));
  }

  void program() {
    line_.program = words_[at_++];
    line_.tool = tool_of(line_.program);
    const std::string name = base_name(line_.program);
    if (line_.tool.empty()) refuse(fmt::format("`{}` is no tool of llama.cpp", line_.program));
    if (name != line_.tool)
      line_.notes.push_back(fmt::format("{} is called {} since 2024", name, line_.tool));
    for (; at_ < words_.size(); ++at_) {
      line_.arguments.push_back(words_[at_]);
      mend_dash(line_.arguments.back(), line_.notes);
    }
  }

  std::vector<std::string> words_;
  std::size_t at_ = 0;
  PastedLine line_;
};

}  // namespace

PastedLine read_pasted_line(const std::vector<std::string>& words) {
  std::vector<std::string> notes, split = words;
  if (words.size() == 1) split = shell_words(words.front(), notes);
  // A backslash that stood before a blank, and so went on no line.
  std::erase_if(split, [](const std::string& word) {
    return word.find('\\') != std::string::npos && word.find_first_not_of(" \t\r\n\\") == std::string::npos;
  });
  if (split.empty()) throw Error("there is no command line to audit; write it behind --: oldiron audit -- llama-server -m MODEL");
  PastedLine line = WordReader(std::move(split)).read();
  line.notes.insert(line.notes.begin(), notes.begin(), notes.end());
  return line;
}

}  // namespace oldiron
