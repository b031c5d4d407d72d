#include "probes/probe_machine.hpp"

#include "kernels/isa.hpp"
#include "probes/bandwidth.hpp"
#include "probes/compute.hpp"
#include "probes/facts.hpp"
#include "probes/handover.hpp"
#include "probes/identity.hpp"
#include "probes/latency.hpp"
#include "probes/node_pairs.hpp"
#include "probes/state.hpp"
#include "probes/streams.hpp"
#include "probes/topology.hpp"

namespace oldiron {

namespace {

void multiply_again(const std::vector<ComputePeak>& later, std::vector<ComputePeak>& peaks) {
  for (ComputePeak& a : peaks)
    for (const ComputePeak& b : later)
      if (a.isa == b.isa && a.type == b.type && a.threads == b.threads) append(a.ops_per_s, b.ops_per_s);
}

void tag_unsteady_ones(Profile& profile) {
  for (BandwidthPoint& each : profile.read) tag_unsteady(each.bytes_per_s);
  for (ComputePeak& each : profile.compute) tag_unsteady(each.ops_per_s);
  Abilities& abilities = profile.abilities;
  for (LatencyPoint& each : abilities.latency) tag_unsteady(each.s);
  for (LoadedLatencyPoint& each : abilities.loaded_latency) {
    tag_unsteady(each.bytes_per_s);
    tag_unsteady(each.s);
  }
  for (BlockReadPoint& each : abilities.blocks) tag_unsteady(each.bytes_per_s);
  for (HandOver& each : abilities.hand_overs) tag_unsteady(each.s);
  for (BarrierPoint& each : abilities.barriers) tag_unsteady(each.s);
  for (StreamPoint& each : abilities.streams) tag_unsteady(each.bytes_per_s);
  for (NodePair& each : abilities.node_pairs) {
    tag_unsteady(each.bytes_per_s);
    tag_unsteady(each.s);
  }
}

}  // namespace

Machine read_machine() {
  Machine machine;
  read_identity("/", machine);
  read_topology({}, allowed_cpus(), machine);
  for (const Isa isa : isas_here()) machine.isas.emplace_back(to_string(isa));
  return machine;
}

Profile measure_profile(const Machine& machine, const MachineState& state,
                        const std::function<void(const std::string&)>& progress) {
  BandwidthPlan plan = plan_bandwidth(machine, state);
  plan.progress = progress;
  Profile profile;
  progress("multiplying in registers");
  profile.compute = measure_compute(plan_compute(machine, state));
  profile.read = read_bandwidth(plan);
  profile.read_saturated =
      is_saturated(profile.read, first_node_cores(machine, usable_threads(machine, state)));
  return profile;
}

Profile measure_quickly(const Machine& machine, const MachineState& state) {
  const int usable = usable_threads(machine, state);
  ComputePlan compute = plan_compute(machine, state);
  compute.budget_s = 0.8;
  BandwidthPlan read = plan_bandwidth(machine, state);
  read.thread_counts = usable > 1 ? std::vector<int>{(usable + 1) / 2, usable} : std::vector<int>{usable};
  read.readers.resize(1);
  read.prefetch_bytes.resize(1);
  read.page_sizes.resize(1);
  read.budget_s = 1.5;
  Profile profile;
  profile.compute = measure_compute(compute);
  profile.read = read_bandwidth(read);
  profile.read_saturated = is_saturated(profile.read, first_node_cores(machine, usable));
  return profile;
}

Abilities measure_abilities(const Machine& machine, const MachineState& state, const Profile& profile,
                            const std::function<void(const std::string&)>& progress) {
  Abilities abilities;
  progress("reading scattered blocks");
  abilities.blocks = read_blocks(plan_bandwidth(machine, state), profile.read);
  progress("writing and copying");
  abilities.streams = measure_streams(plan_streams(machine, state, profile.read));
  if (const NodePairPlan pairs = plan_node_pairs(machine, state); !pairs.nodes.empty()) {
    progress("reading the memory of other nodes");
    abilities.node_pairs = measure_node_pairs(pairs);
  }
  const LatencyPlan latency = plan_latency(machine, state);
  progress("waiting for single loads");
  abilities.latency = measure_latency(latency);
  progress("waiting for single loads while others read");
  abilities.loaded_latency = measure_loaded_latency(latency);
  progress("handing over from core to core");
  const HandOverPlan hand_overs = plan_hand_overs(machine, state);
  abilities.hand_overs = measure_hand_overs(hand_overs);
  abilities.barriers = measure_barriers(hand_overs);
  return abilities;
}

Probed probe_machine(bool quick, const std::function<void(const std::string&)>& progress,
                     std::int64_t leave_memory_bytes) {
  // Long enough that one tick of 10 ms per CPU is 5 %, short enough not to be felt.
  constexpr double kWatch_s = 0.2;
  progress("looking at the machine");
  Probed probed;
  probed.machine = read_machine();
  probed.facts = read_facts("/", probed.machine);
  probed.state = read_state("/", kWatch_s);
  probed.state.leave_memory_bytes = leave_memory_bytes;
  if (quick) {
    progress("multiplying in registers and reading memory");
    probed.profile = measure_quickly(probed.machine, probed.state);
    return probed;
  }
  probed.profile = measure_profile(probed.machine, probed.state, progress);
  probed.profile.abilities = measure_abilities(probed.machine, probed.state, probed.profile, progress);
  progress("reading memory again");
  look_again(plan_bandwidth(probed.machine, probed.state), probed.profile.read);
  const auto again = [&](const std::string& what) { progress(what + " again"); };
  append(probed.profile.abilities, measure_abilities(probed.machine, probed.state, probed.profile, again));
  again("multiplying in registers");
  multiply_again(measure_compute(plan_compute(probed.machine, probed.state)), probed.profile.compute);
  tag_unsteady_ones(probed.profile);
  return probed;
}

}  // namespace oldiron
