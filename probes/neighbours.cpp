#include "probes/neighbours.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "probes/files.hpp"

namespace oldiron {
namespace {

constexpr double kLeastCpus = 0.05, kHogCpus = 0.1;

}  // namespace

ProcessTime parse_process(std::string_view stat) {
  // proc(5): the name in brackets may hold blanks and brackets; behind the last one comes field 3.
  const std::size_t open = stat.find('('), close = stat.rfind(')');
  if (open == stat.npos || close == stat.npos || close < open) return {};
  const auto fields = split(trim(stat.substr(close + 1)), ' ');
  constexpr std::size_t kUser = 14 - 3, kSystem = 15 - 3, kResident = 24 - 3;
  if (fields.size() <= kResident) return {};
  const auto number = [&](std::size_t field) { return parse_number(fields[field]).value_or(0); };
  return {.pid = static_cast<int>(parse_number(stat).value_or(0)),
          .name = std::string(stat.substr(open + 1, close - open - 1)),
          .cpu_s = static_cast<double>(number(kUser) + number(kSystem)) /
                   static_cast<double>(sysconf(_SC_CLK_TCK)),
          .resident_bytes = number(kResident) * sysconf(_SC_PAGESIZE)};
}

std::vector<ProcessTime> read_processes(const std::string& root) {
  std::vector<ProcessTime> processes;
  std::error_code gone;
  for (std::filesystem::directory_iterator entry(below(root, "/proc"), gone), end; !gone && entry != end;
       entry.increment(gone)) {
    const std::string name = entry->path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    ProcessTime process = parse_process(read_text(entry->path().string() + "/stat").value_or(""));
    if (!process.name.empty() && process.pid != getpid()) processes.push_back(std::move(process));
  }
  return processes;
}

Neighbour busiest_between(const std::vector<ProcessTime>& before, const std::vector<ProcessTime>& after,
                          double interval_s) {
  std::map<int, double> earlier;
  for (const ProcessTime& process : before) earlier[process.pid] = process.cpu_s;
  Neighbour busiest;
  if (interval_s <= 0) return busiest;
  for (const ProcessTime& process : after) {
    // One that was not there before has done all its work since.
    const auto known = earlier.find(process.pid);
    const double cpus = (process.cpu_s - (known == earlier.end() ? 0 : known->second)) / interval_s;
    const bool hog = cpus >= kHogCpus && process.resident_bytes >= kHog_bytes;
    const bool larger = hog && busiest.resident_bytes < kHog_bytes;
    const bool smaller = !hog && busiest.resident_bytes >= kHog_bytes;
    if (cpus >= kLeastCpus && (larger || (cpus > busiest.cpus && !smaller)))
      busiest = {
          .name = process.name, .pid = process.pid, .cpus = cpus, .resident_bytes = process.resident_bytes};
  }
  return busiest;
}

}  // namespace oldiron
