#include "core/audit/wrappers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace oldiron {
namespace {

using SettingKind = WrapperSetting::Kind;

constexpr int kMostCpus = 4096;

std::optional<int> integer(std::string_view text, int base = 10) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

struct Option {
  std::string_view brief, name;
  SettingKind kind;
};

constexpr std::array<Option, 5> kNumactl = {{{"-i", "--interleave", SettingKind::interleave},
                                             {"-m", "--membind", SettingKind::membind},
                                             {"-N", "--cpunodebind", SettingKind::node_cpus},
                                             {"-C", "--physcpubind", SettingKind::cpus},
                                             {"-l", "--localalloc", SettingKind::local}}};

/// The value is behind `=`, or the next word.
WrapperSetting numactl_option(const std::vector<std::string>& words, std::size_t& at) {
  const std::string& word = words[at];
  const std::string_view name = std::string_view(word).substr(0, word.find('='));
  WrapperSetting setting{.text = word};
  const auto option = std::find_if(kNumactl.begin(), kNumactl.end(), [&](const Option& each) { return each.brief == name || each.name == name; });
  if (option == kNumactl.end()) return setting;
  if (option->kind == SettingKind::local) return {.kind = SettingKind::local, .text = word};
  std::string value = name.size() < word.size() ? word.substr(name.size() + 1) : "";
  if (name.size() == word.size() && at + 1 < words.size()) {
    value = words[++at];
    setting.text += " " + value;
  }
  if (value == "all" && option->kind != SettingKind::cpus) return {.kind = option->kind, .text = setting.text};
  const auto numbers = number_list(value);
  if (numbers) setting.kind = option->kind, setting.numbers = *numbers;
  return setting;
}

std::vector<WrapperSetting> of_numactl(const std::vector<std::string>& words) {
  std::vector<WrapperSetting> settings;
  for (std::size_t at = 0; at < words.size(); ++at) settings.push_back(numactl_option(words, at));
  return settings;
}

/// CPUs whose bits are set in "0xff".
std::optional<std::vector<int>> mask(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  std::vector<int> cpus;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = integer(text.substr(text.size() - 1 - i, 1), 16);
    if (!digit || i > kMostCpus / 4) return {};
    for (int bit = 0; bit < 4; ++bit)
      if ((*digit >> bit) % 2 == 1) cpus.push_back(static_cast<int>(4 * i) + bit);
  }
  if (cpus.empty()) return {};
  return cpus;
}

std::vector<WrapperSetting> of_taskset(const std::vector<std::string>& words) {
  WrapperSetting setting;
  for (const std::string& word : words) setting.text += (setting.text.empty() ? "" : " ") + word;
  const bool list = words.size() == 2 && (words[0] == "-c" || words[0] == "--cpu-list");
  const auto cpus = list ? number_list(words[1]) : words.size() == 1 ? mask(words[0]) : std::nullopt;
  if (cpus) setting.kind = SettingKind::cpus, setting.numbers = *cpus;
  return {setting};
}

/// "-n 5", "-n5", "--adjustment=5", and as of old "-5", which is 5 too; 10 without any.
std::vector<WrapperSetting> of_nice(const std::vector<std::string>& words) {
  constexpr std::string_view kLong = "--adjustment=";
  constexpr int kWithout = 10;
  WrapperSetting setting;
  for (const std::string& word : words) setting.text += (setting.text.empty() ? "" : " ") + word;
  std::optional<int> number = words.empty() ? std::optional(kWithout) : std::nullopt;
  const std::string_view first = words.empty() ? "" : std::string_view(words.front());
  if (words.size() == 2 && first == "-n") number = integer(words[1]);
  else if (words.size() == 1 && first.starts_with("-n")) number = integer(first.substr(2));
  else if (words.size() == 1 && first.starts_with(kLong)) number = integer(first.substr(kLong.size()));
  else if (words.size() == 1 && first.starts_with('-')) number = integer(first.substr(1));
  if (number) setting.kind = SettingKind::nice, setting.numbers = {*number};
  return {setting};
}

WrapperVerdict judge_cpus(const std::vector<int>& named, const WrapperSurroundings& around, std::string_view program) {
  std::size_t here = 0, all = 0;
  for (const Core& core : around.machine.cores) {
    all += core.cpus.size();
    here += static_cast<std::size_t>(std::count_if(core.cpus.begin(), core.cpus.end(), [&](int cpu) { return std::find(named.begin(), named.end(), cpu) != named.end(); }));
  }
  if (all == 0) return {FlagVerdict::can_act, "acts from outside the engine, whose default for -t does not look at it"};
  if (here == 0) return {FlagVerdict::declined, fmt::format("none of these CPUs is here: {} fails, and nothing starts", program)};
  if (here == all) return {FlagVerdict::default_anyway, fmt::format("all {} CPUs here are among them", all)};
  const auto fewer = static_cast<int>(here);
  if (around.threads == 0)
    return {FlagVerdict::can_act, fmt::format("{} of {} CPUs; the engine's default for -t does not look at it, so say -t {}", here, all, here)};
  if (around.threads > fewer) return {FlagVerdict::can_act, fmt::format("{} of {} CPUs, on which the {} threads of -t take turns: say -t {}", here, all, around.threads, here)};
  return {FlagVerdict::can_act, fmt::format("{} of {} CPUs", here, all)};
}

WrapperVerdict judge_nodes(const std::vector<WrapperSetting>& settings, const WrapperSurroundings& around) {
  for (const WrapperSetting& each : settings)
    for (const int node : each.numbers)
      if (!around.machine.cores.empty() && node >= around.machine.nodes)
        return {FlagVerdict::declined, fmt::format("there is no NUMA node {} here: numactl fails, and nothing starts", node)};
  if (around.machine.nodes == 1) return {FlagVerdict::not_applicable, "one NUMA node here: memory and threads have no other to go to"};
  const auto has = [&](SettingKind kind) { return std::any_of(settings.begin(), settings.end(), [&](const WrapperSetting& each) { return each.kind == kind; }); };
  if (has(SettingKind::interleave)) return {FlagVerdict::can_act, "memory comes from all these nodes in turns, whoever touches it: the robust way for weights that all threads read"};
  if (has(SettingKind::membind)) return {FlagVerdict::can_act, "memory comes from these nodes alone: more than they have fails"};
  if (has(SettingKind::node_cpus)) return {FlagVerdict::can_act, "threads stay on these nodes' CPUs; memory comes from where it is touched"};
  return {FlagVerdict::default_anyway, "memory of the node that touches it first is what the kernel gives by itself"};
}

WrapperVerdict judge_nice(int number, const WrapperSurroundings& around) {
  if (number == 0) return {FlagVerdict::default_anyway, "0 changes nothing"};
  if (number > 0) return {FlagVerdict::can_act, "whoever else wants the CPUs goes first"};
  if (!around.root) return {FlagVerdict::declined, "only root may go before others: nice says so, and starts it as without"};
  return {FlagVerdict::can_act, "it goes before others that want the CPUs; on a quiet machine there are none"};
}

}  // namespace

std::optional<std::vector<int>> number_list(std::string_view text) {
  std::vector<int> numbers;
  for (;;) {
    const std::string_view part = text.substr(0, text.find(','));
    const auto dash = part.find('-');
    const auto first = integer(part.substr(0, dash)), last = dash == std::string_view::npos ? first : integer(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last >= kMostCpus) return {};
    for (int number = *first; number <= *last; ++number) numbers.push_back(number);
    if (numbers.size() > kMostCpus) return {};
    if (part.size() == text.size()) return numbers;
    text.remove_prefix(part.size() + 1);
  }
}

std::vector<WrapperSetting> settings_of(const Wrapper& wrapper) {
  if (wrapper.name == "numactl") return of_numactl(wrapper.words);
  if (wrapper.name == "taskset") return of_taskset(wrapper.words);
  if (wrapper.name == "nice") return of_nice(wrapper.words);
  return {};
}

std::optional<WrapperVerdict> judge_wrapper(const Wrapper& wrapper, const WrapperSurroundings& around) {
  const std::vector<WrapperSetting> settings = settings_of(wrapper);
  if (settings.empty()) return {};
  std::vector<WrapperSetting> of_nodes;
  const WrapperSetting* cpus = nullptr;
  for (const WrapperSetting& each : settings) {
    if (each.kind == SettingKind::other) return WrapperVerdict{FlagVerdict::unknown, fmt::format("{} {} is not read here", wrapper.name, each.text)};
    if (each.kind == SettingKind::nice) return judge_nice(each.numbers.front(), around);
    if (each.kind == SettingKind::cpus) cpus = &each;
    else of_nodes.push_back(each);
  }
  if (cpus == nullptr) return judge_nodes(of_nodes, around);
  if (of_nodes.empty() || around.machine.nodes == 1) return judge_cpus(cpus->numbers, around, wrapper.name);
  return judge_nodes(of_nodes, around);
}

}  // namespace oldiron
