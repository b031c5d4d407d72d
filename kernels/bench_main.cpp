// oldiron-kernels: the rows of the kernel table at the shapes of all model cards, in Google Benchmark.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "core/team.hpp"
#include "core/text.hpp"
#include "kernels/bench_cases.hpp"

namespace oldiron {
namespace {

std::string cards_dir() {
  if (const char* configs = std::getenv("OLDIRON_CONFIGS")) return std::string(configs) + "/models";
  return OLDIRON_CONFIGS "/models";
}

/// The roof on the screen and, for who reads the JSON later, in its context.
void tell(const BenchRoof& roof, const BenchMemory& memory) {
  fmt::print(stderr, "working set {}, read at {}", bytes_text(static_cast<double>(memory.bytes())),
             bytes_per_s_text(roof.bytes_per_s));
  benchmark::AddCustomContext("working_set_bytes", std::to_string(memory.bytes()));
  benchmark::AddCustomContext("read_bytes_per_s", fmt::format("{:.0f}", roof.bytes_per_s));
  for (const MeasuredPeak& peak : roof.peaks) {
    const std::string what = fmt::format("{} {}", to_string(peak.isa), to_string(peak.type));
    fmt::print(stderr, "; {} {}", what, ops_per_s_text(peak.ops_per_s));
    benchmark::AddCustomContext(fmt::format("peak_ops_per_s {}", what),
                                fmt::format("{:.0f}", peak.ops_per_s));
  }
  fmt::print(stderr, "\n");
}

bool only_lists(const BenchOptions& options) {
  for (const std::string& argument : options.rest)
    if (argument == "--benchmark_list_tests" || argument == "--benchmark_list_tests=true") return true;
  return false;
}

int run(int argc, char** argv) {
  BenchOptions options = bench_options({argv, argv + argc});
  if (options.help) {
    fmt::print("{}", bench_help());
    return 0;
  }
  const BenchShapes shapes = bench_shapes(cards_dir(), options.model);
  std::vector<char*> pointers;
  for (std::string& argument : options.rest) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
  flush_denormals();
  const bool lists = only_lists(options);
  BenchMemory memory(lists ? 0 : affordable_bytes(options.working_set_bytes));
  const BenchRoof roof =
      lists ? BenchRoof{}
            : measure_roof({memory.keys_and_values(), static_cast<std::size_t>(memory.bytes())});
  if (!lists) tell(roof, memory);
  register_benchmarks(options, shapes, memory, roof);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace oldiron

int main(int argc, char** argv) {
  try {
    return oldiron::run(argc, argv);
  } catch (const oldiron::Error& error) {
    std::fprintf(stderr, "oldiron-kernels: %s\n", error.what());
    return 2;
  }
}
