#include <fmt/format.h>

#include <optional>

#include "app/commands.hpp"
#include "app/write_probe.hpp"
#include "core/text.hpp"
#include "probes/probe_machine.hpp"
#include "reports/screens.hpp"
#include "runner/memory_guard.hpp"
#include "runner/model_source.hpp"
#include "runner/noise_gate.hpp"

namespace oldiron {

namespace {

// Of the ten seconds of a quick probe.
constexpr double kQuickPatience_s = 1;

// A mixture of experts as people run them on such machines; its steps give the roofline its places.
std::optional<ModelSpec> typical_model() {
  try {
    return describe_model({.model = "gemma-4-26b-a4b-it", .type = "q4_0", .head_type = "q6_k", .layers = 0}, cards_dir());
  } catch (const Error&) {
    // A binary without its folder of cards measures all the same.
    return std::nullopt;
  }
}

}  // namespace

int cmd_probe(const Options& options) {
  const std::int64_t leave_bytes = options.leave_memory.empty() ? 0 : parse_bytes("--leave-memory", options.leave_memory);
  if (!options.out.empty()) make_out_dir(options.out);
  leave_cores(options.leave_cores);
  NoiseGate gate(options.quick ? kQuickPatience_s : kQuietPatience_s);
  const NoiseGate::Look look = gate.wait();
  if (!look.load.empty()) fmt::print(stderr, "{}\n", load_tag(look));
  Probed probed = probe_machine(
      options.quick, [](const std::string& next) { fmt::print(stderr, "{}\n", next); }, leave_bytes);
  if (!look.load.empty())
    for (BandwidthPoint& point : probed.profile.read) point.bytes_per_s.tags.push_back(load_tag(look));
  const reports::ProbeScreen screen{
      .machine = probed.machine, .state = probed.state, .facts = probed.facts, .profile = probed.profile, .model = typical_model()};
  if (!options.json_path.empty()) write_file(options.json_path, reports::probe_json(screen));
  fmt::print("{}", reports::probe_text(screen));
  if (!options.out.empty())
    for (const std::string& missing : write_probe(screen, options.out)) fmt::print(stderr, "{}\n", missing);
  return 0;
}

}  // namespace oldiron
