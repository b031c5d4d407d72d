#include "probes/probe_machine.hpp"

#include "kernels/isa.hpp"
#include "probes/bandwidth.hpp"
#include "probes/compute.hpp"
#include "probes/identity.hpp"
#include "probes/state.hpp"
#include "probes/topology.hpp"

namespace oldiron {

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

Probed probe_machine(const std::function<void(const std::string&)>& progress) {
  // Long enough that one tick of 10 ms per CPU is 5 %, short enough not to be felt.
  constexpr double kWatch_s = 0.2;
  progress("looking at the machine");
  Probed probed;
  probed.machine = read_machine();
  probed.state = read_state("/", kWatch_s);
  probed.profile = measure_profile(probed.machine, probed.state, progress);
  return probed;
}

}  // namespace oldiron
