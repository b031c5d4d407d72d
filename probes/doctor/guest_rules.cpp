// What a hypervisor hides or takes.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "probes/doctor/doctor.hpp"

namespace oldiron {
namespace {

RuleVerdict hides_features(const Patient& p) {
  const Facts& f = p.facts;
  if (!f.hidden_features) return unknown(f.hidden_features);
  if ((*f.hidden_features).starts_with("none")) return fine();
  return {.finding = Finding{.id = "hidden_features",
                             .what = fmt::format("the hypervisor hides instructions: {} ({})", *f.hidden_features,
                                                 f.hidden_features.source),
                             .why = "kernels fall back to narrower instructions, in prefill and decode",
                             .weight = 100,
                             .place = Place::hypervisor,
                             .fix = "Proxmox: qm set ID --cpu host; libvirt: virsh edit NAME and <cpu "
                                    "mode='host-passthrough'/>; then stop and start the guest",
                             .undo = "the line that qm config ID, or virsh dumpxml NAME, showed before"}};
}

RuleVerdict nodes(const Patient& p) {
  const Facts& f = p.facts;
  if (!f.node_setting) return unknown(f.node_setting);
  if ((*f.node_setting).find("interleaving") == std::string::npos) return fine();
  return {.finding = Finding{.id = "node_interleaving",
                             .what = fmt::format("{} sockets are shown as one NUMA node", p.machine.packages),
                             .why = "half of all reads go to the other socket, and no engine can place its threads",
                             .weight = 60,
                             .place = Place::bios,
                             .fix = "BIOS, memory settings: Node Interleaving (or NUMA): disabled (or enabled)",
                             .undo = "the setting back"}};
}

RuleVerdict steal(const Patient& p) {
  constexpr double kMuch = 0.01;
  const double now = p.state.steal_fraction;
  const double since = p.facts.steal ? *p.facts.steal : 0;
  const double share = std::max(now, since);
  if (share < kMuch) return fine();
  return {.finding = Finding{.id = "steal",
                             .what = fmt::format("the host gave {} of the CPU time that was asked for to others ({} now)",
                                                 fine_percent_text(since), fine_percent_text(now)),
                             .why = "one thread that waits for its CPU makes all others wait",
                             .stake = {.basis = StakeBasis::measured,
                                       .low = 0,
                                       .high = share / (1 - share),
                                       .how = "/proc/stat; with threads that wait for each other it can be more"},
                             .place = Place::hypervisor,
                             .fix = "fewer virtual CPUs on the host than it has cores; Proxmox: qm set ID --affinity 0-7",
                             .undo = "Proxmox: qm set ID --delete affinity"}};
}

RuleVerdict counters(const Patient& p) {
  const Facts& f = p.facts;
  if (!f.performance_counters) return unknown(f.performance_counters);
  if (*f.performance_counters) return fine();
  return {.finding = Finding{.id = "performance_counters",
                             .what = "there are no performance counters",
                             .why = "bytes and stalls cannot be counted, only timed; no speed is lost",
                             .stake = {.basis = StakeBasis::nothing},
                             .place = p.machine.hypervisor.empty() ? Place::bios : Place::hypervisor,
                             .fix = "libvirt: <features><pmu state='on'/></features>; QEMU: -cpu host,pmu=on; "
                                    "Firecracker and most rented machines offer none",
                             .undo = "libvirt: <pmu state='off'/>; QEMU: pmu=off"}};
}

constexpr Rule kGuestRules[] = {{"hidden CPU features", hides_features},
                                {"NUMA setting", nodes},
                                {"stolen CPU time", steal},
                                {"performance counters", counters}};

}  // namespace

std::span<const Rule> guest_rules() { return kGuestRules; }

}  // namespace oldiron
