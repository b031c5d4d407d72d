#include "runner/memory_traffic.hpp"

#include <fmt/format.h>

#include "probes/files.hpp"
#include "probes/state.hpp"

namespace oldiron {

Available<double> parse_likwid_traffic(std::string_view out) {
  const auto none = [](const char* reason) { return Available<double>::not_available(reason); };
  // With several hardware threads there is a table of sums, whose first column is the sum; else one column
  // for the one.
  for (const std::string_view metric : {"Memory read bandwidth [MBytes/s]", "Memory bandwidth [MBytes/s]"})
    for (const std::string_view suffix : {" STAT,", ","}) {
      const std::string key = std::string(metric) + std::string(suffix);
      for (const std::string_view line : split(out, '\n'))
        if (line.starts_with(key)) {
          const auto megabytes_per_s = first_number(line.substr(key.size()));
          if (megabytes_per_s && *megabytes_per_s > 0) return *megabytes_per_s * 1e6;
          return none("counted nothing");
        }
    }
  return none("knows no counters of this CPU's memory controllers (group MEM)");
}

Available<std::unique_ptr<Meter>> find_memory_traffic(const RunShort& run) {
  Command command;
  // Every socket's controllers are read by one of its CPUs.
  command.argv = {"likwid-perfctr",
                  "-f",
                  "-O",
                  "-c",
                  fmt::format("{}", fmt::join(allowed_cpus(), ",")),
                  "-g",
                  "MEM",
                  "-S",
                  "1s"};
  auto meter =
      std::make_unique<CommandMeter>("likwid-perfctr", std::move(command), parse_likwid_traffic, run);
  if (const Available<double> first = meter->read(); !first)
    return Available<std::unique_ptr<Meter>>::not_available("likwid-perfctr " + first.reason());
  return Available<std::unique_ptr<Meter>>(std::move(meter));
}

}  // namespace oldiron
