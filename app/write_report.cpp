#include "app/write_report.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "core/text.hpp"
#include "reports/charts.hpp"
#include "reports/formats.hpp"
#include "reports/launch_files.hpp"
#include "reports/svg.hpp"
#include "runner/command_words.hpp"

namespace oldiron {

namespace {

namespace fs = std::filesystem;

/// What stands before the program as systemd's own settings, for which neither numactl nor taskset need be there.
reports::Service service_of(const std::vector<std::string>& line, const std::string& about) {
  const Command command = command_of(line);
  reports::Service service{.about = about, .argv = command.argv, .cpus = command.cpus, .numa_nodes = command.memory.nodes, .locks_memory = reports::locks_memory(command.argv)};
  for (const auto& [name, value] : command.env) service.environment.emplace_back(name, value.value_or(""));
  if (command.memory.kind == MemoryPolicy::Kind::interleave) service.numa_policy = "interleave";
  if (command.memory.kind == MemoryPolicy::Kind::bind) service.numa_policy = "bind";
  return service;
}

/// A script and a unit that start the answer's line, where it was started once and worked; gives their names.
std::vector<std::string> write_launch_files(const reports::Report& report, const std::string& dir) {
  constexpr const char* kScript = "serve.sh";
  constexpr const char* kUnit = "llama-server.service";
  if (!report.lossless) return {};
  const reports::Answer& answer = *report.lossless;
  const reports::FlagLine& line = answer.engine == Engine::ik_llama ? answer.ik_llama : answer.llama_cpp;
  if (answer.engine == Engine::oldiron || line.served_decode.samples.empty()) return {};
  const std::string about = fmt::format("{} with {}, tuned by oldiron {} on {}", report.model.id, display_name(answer.engine), report.oldiron_version, report.created);
  write_file(dir + "/" + kScript, reports::launch_script(line.argv, about));
  std::error_code ignored;
  fs::permissions(dir + "/" + kScript, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec, fs::perm_options::add, ignored);
  write_file(dir + "/" + kUnit, reports::launch_unit(service_of(line.argv, about)));
  return {kScript, kUnit};
}

}  // namespace

std::string write_report(reports::Report report, const std::string& dir) {
  report.launch_files = write_launch_files(report, dir);
  for (const reports::ReportChart& chart : reports::report_charts())
    if (const Available<reports::Chart> drawn = chart.draw(report)) write_file(dir + "/" + std::string(chart.file_name), reports::svg(*drawn));
  std::string terminal;
  for (const reports::ReportFormat& format : reports::report_formats()) {
    const std::string text = format.write(report);
    write_file(dir + "/" + std::string(format.file_name), text);
    if (format.name == "terminal") terminal = text;
  }
  return terminal;
}

}  // namespace oldiron
