// What a hypervisor takes or hides.
#include <fmt/format.h>

#include "kernels/isa.hpp"
#include "probes/fact_reader.hpp"
#include "probes/files.hpp"
#include "probes/hidden_features.hpp"
#include "probes/noise.hpp"

namespace oldiron {
namespace {

using Text = Fact<std::string>;

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

Text read_hidden_features(const FactReader& reader) {
  const char* path = "/proc/cpuinfo";
  if (!reader.guest()) return Text::known("none: this is no guest", "CPUID");
  const bool here = below(reader.root(), path) == path;
  const HiddenFeatures hidden = hidden_features(read_text(below(reader.root(), path)).value_or(""), [&] {
    return here ? features_denied() : std::vector<std::string_view>{};
  });
  if (!hidden.proven.empty())
    return Text::known(joined(hidden.proven), "ran here although CPUID denies them");
  if (!hidden.expected.empty())
    return Text::known(joined(hidden.expected), "CPUs of this family and model have them");
  if (hidden.masked_model)
    return Text::unknown("the hypervisor shows a made-up CPU model", "on the host: grep -m1 flags /proc/cpuinfo");
  return Text::known("none seen", "CPUID, beside what this family and model have");
}

Text read_hidden_nodes(const FactReader& reader) {
  const Machine& machine = reader.machine();
  if (!reader.guest()) return Text::known("none: this is no guest", "CPUID");
  if (machine.nodes > 1) return Text::known("no: nodes are shown", "hwloc");
  return Text::unknown("a guest with one node cannot tell how many its host has", "on the host: numactl -H");
}

Fact<double> read_steal(const FactReader& reader) {
  const auto stat = read_text(below(reader.root(), "/proc/stat"));
  if (!stat) return Fact<double>::unknown(reader.why_not("/proc/stat"));
  NoiseSnapshot since_start;
  parse_proc_stat(*stat, since_start);
  const double wanted_s = since_start.busy_s + since_start.steal_s;
  return Fact<double>::known(wanted_s > 0 ? since_start.steal_s / wanted_s : 0, "/proc/stat");
}

Fact<bool> read_counters(const FactReader& reader) {
  const std::string devices = "/sys/bus/event_source/devices";
  bool any = false;
  for (const std::string& name : list_names(below(reader.root(), devices))) {
    // Cores that differ have a device per kind; others of these names are counted by software.
    const bool there = static_cast<bool>(reader.text(devices + "/" + name + "/type"));
    if (there && (name == "cpu" || name == "cpu_core")) return Fact<bool>::known(true, devices + "/" + name);
    any = any || there;
  }
  return any ? Fact<bool>::known(false, devices) : Fact<bool>::unknown(reader.why_not(devices));
}

}  // namespace

void read_guest_facts(const FactReader& reader, Facts& facts) {
  facts.steal = read_steal(reader);
  facts.hidden_features = read_hidden_features(reader);
  facts.hidden_nodes = read_hidden_nodes(reader);
  facts.performance_counters = read_counters(reader);
}

}  // namespace oldiron
