#include <fmt/format.h>

#include "app/commands.hpp"
#include "core/text.hpp"
#include "probes/probe_machine.hpp"
#include "reports/screens.hpp"
#include "runner/memory_guard.hpp"
#include "runner/noise_gate.hpp"

namespace oldiron {

namespace {

// Of the ten seconds of a quick probe.
constexpr double kQuickPatience_s = 1;

}  // namespace

int cmd_probe(const Options& options) {
  const std::int64_t leave_bytes = options.leave_memory.empty() ? 0 : parse_bytes("--leave-memory", options.leave_memory);
  leave_cores(options.leave_cores);
  NoiseGate gate(options.quick ? kQuickPatience_s : kQuietPatience_s);
  const NoiseGate::Look look = gate.wait();
  if (!look.load.empty()) fmt::print(stderr, "{}\n", load_tag(look));
  Probed probed = probe_machine(
      options.quick, [](const std::string& next) { fmt::print(stderr, "{}\n", next); }, leave_bytes);
  if (!look.load.empty())
    for (BandwidthPoint& point : probed.profile.read) point.bytes_per_s.tags.push_back(load_tag(look));
  const reports::ProbeScreen screen{
      .machine = probed.machine, .state = probed.state, .facts = probed.facts, .profile = probed.profile};
  if (!options.json_path.empty()) write_file(options.json_path, reports::probe_json(screen));
  fmt::print("{}", reports::probe_text(screen));
  return 0;
}

}  // namespace oldiron
