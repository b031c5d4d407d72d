#include "kernels/bench_options.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "core/check.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

std::vector<std::int64_t> numbers(const std::string& text) {
  std::vector<std::int64_t> list;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    std::size_t used = 0;
    std::int64_t number = 0;
    try {
      number = std::stoll(item, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used == 0 || used != item.size() || number <= 0)
      throw Error("\"" + item + "\" in \"" + text +
                  "\" is no positive number; write for example --columns=1,8,64.");
    list.push_back(number);
  }
  if (list.empty())
    throw Error("An option needs a value, for example --working_set=1024 or --columns=1,8,64.");
  return list;
}

}  // namespace

BenchOptions bench_options(const std::vector<std::string>& arguments) {
  BenchOptions options;
  bool has_time = false;
  for (const std::string& argument : arguments) {
    const auto value = [&](std::string_view prefix) { return argument.substr(prefix.size()); };
    has_time = has_time || argument.starts_with("--benchmark_min_time=");
    if (argument.starts_with("--working_set=")) {
      options.working_set_bytes = numbers(value("--working_set=")).front() * kMiB;
    } else if (argument.starts_with("--columns=")) {
      options.columns = numbers(value("--columns="));
    } else if (argument.starts_with("--model=")) {
      options.model = value("--model=");
    } else if (argument == "--all") {
      options.all = true;
    } else if (argument == "--help") {
      options.help = true;
    } else if (argument.starts_with("--json=")) {
      options.rest.push_back("--benchmark_out=" + value("--json="));
      options.rest.emplace_back("--benchmark_out_format=json");
    } else {
      options.rest.push_back(argument);
    }
  }
  // Some thousand benchmarks: a twentieth of a second each is minutes, the library's half second would be an
  // hour.
  if (!has_time) options.rest.emplace_back("--benchmark_min_time=0.05");
  return options;
}

std::string bench_help() {
  return R"(oldiron-kernels: the rows of the kernel table at the shapes of all model cards, on one thread

  --model=NAME       only cards with this in their name
  --columns=1,8,64   numbers of columns (default 1,8,64,512)
  --working_set=MIB  copies of the weights that are read in turns, together (default 2048; at most half of the memory)
  --all              every instruction set and variant (default: the best instruction set that has a row)
  --json=FILE        also write JSON for Google Benchmark's compare.py
  --benchmark_...    options of Google Benchmark: --benchmark_filter=REGEX, --benchmark_list_tests,
                     --benchmark_min_time=SECONDS (default 0.05), --benchmark_repetitions=N

A name is matmul/q4_0/avx512_vnni/tile/n1/2816x4096: inputs x rows. Rates count what the kernel must move and compute;
percent_of_roof is of the smaller of bandwidth x intensity and the instruction's peak, both measured when it starts.
)";
}

std::int64_t affordable_bytes(std::int64_t wanted, const std::string& root) {
  std::ifstream memory(root + "proc/meminfo");
  std::int64_t kib = 0;
  for (std::string line; std::getline(memory, line);)
    if (line.starts_with("MemAvailable:")) kib = std::atoll(line.c_str() + sizeof "MemAvailable:" - 1);
  std::int64_t most = kib > 0 ? kib * 1024 / 2 : wanted;
  std::int64_t limit = 0, used = 0;
  // "max" is no number: then there is no limit.
  if (std::ifstream(root + "sys/fs/cgroup/memory.max") >> limit)
    if (std::ifstream(root + "sys/fs/cgroup/memory.current") >> used)
      most = std::min(most, (limit - used) / 2);
  return std::max(64 * kMiB, std::min(wanted, most));
}

}  // namespace oldiron
