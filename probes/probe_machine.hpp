// All that can be found out about this machine without a model.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/facts.hpp"
#include "core/machine.hpp"

namespace oldiron {

struct Probed {
  Machine machine;
  MachineState state;
  Facts facts;
  Profile profile;
};

/// The topology of a recorded machine, below its root folder.
inline constexpr const char* kTopologyFile = "/hwloc.xml";

/// Facts only: topology, caches, CPU, ISAs, memory; a few milliseconds.
Machine read_machine();

/// Measures what the machine can do in its present state; `progress` is told what happens next.
Profile measure_profile(const Machine& machine, const MachineState& state,
                        const std::function<void(const std::string&)>& progress);

/// The least that a prediction needs, in two or three seconds: reading by all threads and by half of them, and the
/// peaks of all threads.
Profile measure_quickly(const Machine& machine, const MachineState& state);

/// Stores, latencies, scattered blocks, hand-overs, and NUMA pairs where there are several nodes.
Abilities measure_abilities(const Machine& machine, const MachineState& state, const Profile& profile,
                            const std::function<void(const std::string&)>& progress);

/// Facts, state and profile; `quick`: what measure_quickly() measures, else everything, each metric twice with the others between:
/// what a host takes for seconds at a time, one look would not show. `leave_memory_bytes` of memory are not
/// touched.
Probed probe_machine(bool quick, const std::function<void(const std::string&)>& progress,
                     std::int64_t leave_memory_bytes = 0);

}  // namespace oldiron
