#include "runner/command_words.hpp"

#include <fmt/format.h>

#include <cstddef>

#include "core/check.hpp"
#include "core/front_words.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

/// The CPUs of these nodes that the system knows.
std::vector<int> cpus_of(const std::vector<int>& nodes) {
  std::vector<int> cpus;
  for (const int node : nodes)
    for (const int cpu : parse_cpu_list(read_text(fmt::format("/sys/devices/system/node/node{}/cpulist", node)).value_or(""))) cpus.push_back(cpu);
  return cpus;
}

void numactl(const std::string& option, Command& command) {
  const auto equals = option.find('=');
  const std::string name = option.substr(0, equals), value = equals == std::string::npos ? "" : option.substr(equals + 1);
  const std::vector<int> nodes = value == "all" ? std::vector<int>{} : parse_cpu_list(value);
  if (value.empty() || (value != "all" && nodes.empty())) throw Error(fmt::format("numactl {}: no list of nodes behind `=`", option));
  if (name == "--interleave") command.memory = {MemoryPolicy::Kind::interleave, nodes};
  else if (name == "--membind") command.memory = {MemoryPolicy::Kind::bind, nodes};
  else if (name == "--cpunodebind") command.cpus = cpus_of(nodes);
  else if (name == "--physcpubind") command.cpus = nodes;
  else throw Error(fmt::format("numactl {}: only --interleave=, --membind=, --cpunodebind= and --physcpubind= are known here", option));
}

}  // namespace

Command command_of(std::vector<std::string> words) {
  Command command;
  auto word = words.begin();
  for (const auto program = word + static_cast<std::ptrdiff_t>(count_assignments(words)); word != program; ++word) {
    const std::size_t equals = assignment_in(*word);
    command.env.emplace_back(word->substr(0, equals), word->substr(equals + 1));
  }
  while (word != words.end()) {
    if (*word == "numactl") {
      for (++word; word != words.end() && word->starts_with("-"); ++word) numactl(*word, command);
    } else if (*word == "taskset" && words.end() - word > 2 && word[1] == "-c") {
      command.cpus = parse_cpu_list(word[2]);
      word += 3;
    } else {
      break;
    }
  }
  command.argv.assign(word, words.end());
  if (command.argv.empty()) throw Error("a command line without a program");
  return command;
}

}  // namespace oldiron
