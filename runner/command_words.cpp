#include "runner/command_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "core/audit/wrappers.hpp"
#include "core/check.hpp"
#include "core/front_words.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

using Kind = WrapperSetting::Kind;

/// The CPUs of these nodes that the system knows.
std::vector<int> cpus_of(const std::vector<int>& nodes) {
  std::vector<int> cpus;
  for (const int node : nodes)
    for (const int cpu : parse_cpu_list(read_text(fmt::format("/sys/devices/system/node/node{}/cpulist", node)).value_or(""))) cpus.push_back(cpu);
  return cpus;
}

[[noreturn]] void refuse(const Wrapper& wrapper, const WrapperSetting& setting) {
  const std::string_view text = setting.text;
  if (wrapper.name != "numactl") throw Error(fmt::format("{} {}: not known here; write taskset -c LIST, nice -n NUMBER", wrapper.name, text));
  for (const char* known : {"--interleave", "--membind", "--cpunodebind", "--physcpubind"})
    if (text.substr(0, text.find('=')) == known) throw Error(fmt::format("numactl {}: no list of nodes behind `=`", text));
  throw Error(fmt::format("numactl {}: only --interleave=, --membind=, --cpunodebind= and --physcpubind= are known here", text));
}

}  // namespace

void place(const Wrapper& wrapper, Command& command) {
  for (const WrapperSetting& each : settings_of(wrapper)) {
    switch (each.kind) {
      case Kind::interleave:
        command.memory = {MemoryPolicy::Kind::interleave, each.numbers};
        break;
      case Kind::membind:
        command.memory = {MemoryPolicy::Kind::bind, each.numbers};
        break;
      case Kind::node_cpus:
        command.cpus = cpus_of(each.numbers);
        break;
      case Kind::cpus:
        command.cpus = each.numbers;
        break;
      case Kind::nice:
        command.nice = each.numbers.front();
        break;
      case Kind::local:
        break;
      case Kind::other:
        refuse(wrapper, each);
    }
  }
}

Command command_of(std::vector<std::string> words) {
  Command command;
  auto word = words.begin();
  for (const auto program = word + static_cast<std::ptrdiff_t>(count_assignments(words)); word != program; ++word) {
    const std::size_t equals = assignment_in(*word);
    command.env.emplace_back(word->substr(0, equals), word->substr(equals + 1));
  }
  while (word != words.end()) {
    Wrapper wrapper{.name = *word};
    if (*word == "numactl") {
      for (++word; word != words.end() && word->starts_with("-"); ++word) wrapper.words.push_back(*word);
    } else if (*word == "taskset" && words.end() - word > 2 && word[1] == "-c") {
      wrapper.words = {word[1], word[2]};
      word += 3;
    } else {
      break;
    }
    place(wrapper, command);
  }
  command.argv.assign(word, words.end());
  if (command.argv.empty()) throw Error("a command line without a program");
  return command;
}

std::vector<std::string> words_before(const TrialSpec& spec, const Machine& machine) {
  std::vector<std::string> words = spec.more_front;
  for (std::string& word : words_in_front(spec.config, spec.engine, machine)) words.push_back(std::move(word));
  std::stable_partition(words.begin(), words.end(), [](const std::string& word) { return assignment_in(word) != std::string::npos; });
  return words;
}

}  // namespace oldiron
