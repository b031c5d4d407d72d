// Machine: facts about the computer. Profile: what it can do, measured. State: what changes from minute to
// minute.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/abilities.hpp"
#include "core/check.hpp"
#include "core/measurement.hpp"
#include "core/stats.hpp"

namespace oldiron {

struct Core {
  int id = 0;    ///< logical index of the physical core
  int node = 0;  ///< NUMA node
  int package = 0;
  std::vector<int> cpus = {};  ///< OS numbers of its hardware threads, allowed ones only
  int efficiency = 0;          ///< hwloc CPU kind; higher is faster
  bool operator==(const Core&) const = default;
};

struct Cache {
  int level = 0;
  std::int64_t bytes = 0;
  int cores = 0;  ///< cores sharing one instance
  int instances = 0;
  bool operator==(const Cache&) const = default;
};

/// One slot of the board, as the firmware's table describes it.
struct MemoryModule {
  std::string slot = {}, bank = {};  ///< labels: "DIMM_A1", "P0 CHANNEL A"
  std::string channel = {};          ///< that the labels name, unique on the board; empty: they name none
  std::int64_t bytes = 0;            ///< 0: empty slot; -1: not told
  std::string type = {};             ///< "DDR4"
  double rated_transfers_per_s = 0;  ///< 0: not told, as all below
  double transfers_per_s = 0;        ///< configured
  int width_bits = 0;                ///< of data, without ECC
  int ranks = 0;
  std::string maker = {}, part = {};
  bool operator==(const MemoryModule&) const = default;
};

struct MemoryModules {
  std::string type = {};  ///< "DDR4"
  int populated = 0, slots = 0;
  double transfers_per_s = 0;        ///< configured, of the slowest
  double rated_transfers_per_s = 0;  ///< of the slowest
  int channels = 0, all_channels = 0;  ///< with a module in them, and of the board; 0: the labels name none
  double bytes_per_s = 0;              ///< theoretical, of the populated channels; 0: not known
  double full_bytes_per_s = 0;         ///< the same with a module in every channel
  std::string source = {};             ///< where the table was read
  std::vector<MemoryModule> table = {};
  bool operator==(const MemoryModules&) const = default;
};

/// Identity: never changes with load, cpuset or governor.
struct Machine {
  std::string cpu_model = {};
  std::string hypervisor = {};  ///< empty on bare metal
  int packages = 0;
  int nodes = 0;
  std::vector<Core> cores = {};  ///< those this process may use
  std::vector<Cache> caches = {};
  std::vector<std::string> isas = {};  ///< validated by running one instruction of each
  std::int64_t memory_bytes = 0;
  Available<MemoryModules> modules = Available<MemoryModules>::not_available("not read");
  std::string kernel = {};
  std::string transparent_huge_pages = {};  ///< "always", "madvise", "never" or why not known
  bool operator==(const Machine&) const = default;
};

/// Re-read before every trial; stored beside it, never part of a fingerprint.
struct MachineState {
  int allowed_cpus = 0;                        ///< affinity mask and cpuset
  double cpu_quota = 0;                        ///< cgroup cpu.max in CPUs; 0: none
  std::int64_t memory_available_bytes = 0;     ///< MemAvailable
  std::int64_t cgroup_memory_free_bytes = -1;  ///< memory.max minus use; -1: no limit
  std::int64_t node_free_bytes = -1;           ///< free memory of the allowed NUMA nodes; -1: not known
  std::int64_t leave_memory_bytes = 0;         ///< that the user keeps for others
  double load_1min = 0;
  double steal_fraction = 0;      ///< of the last measured interval
  double other_cpu_fraction = 0;  ///< CPU time of other processes over the last interval, in CPUs
  bool operator==(const MachineState&) const = default;
};

/// Threads that may run at once: min(allowed physical cores, floor(quota)), at least 1.
int usable_threads(const Machine& machine, const MachineState& state);

/// A sentence if so many threads would not all run at once now, because of the cgroup's quota or the affinity
/// mask; else empty. Second hardware threads are no reason.
std::string why_too_many_threads(int threads, const MachineState& state);

/// What a load may take: the least of the three figures of MachineState, less a reserve of max(512 MiB, 3 %,
/// what is left to others).
std::int64_t usable_memory_bytes(const MachineState& state);

/// CPU numbers for n threads: one per physical core first, nodes filled in order, then second hardware
/// threads.
std::vector<int> place(const Machine& machine, int n_threads);

/// All CPU numbers but those of the last `leave` cores, in the order of place(): what is left to others lies together, and on the
/// last nodes. Empty if no core remains.
std::vector<int> cpus_without_last(const Machine& machine, int leave);

/// The NUMA node of each of these CPUs; 0 for one that the machine does not have.
std::vector<int> nodes_of(const Machine& machine, const std::vector<int>& cpus);

/// One way of reading memory, tried beside others.
struct ReadWay {
  std::string isa = {};
  std::int64_t prefetch_bytes = 0;
  std::string page_size = {};  ///< as the lever page_size has it
  double bytes_per_s = 0;      ///< the best of a few samples; 0: not tried
  std::string reason = {};     ///< why not tried
  bool operator==(const ReadWay&) const = default;
};

struct BandwidthPoint {
  int threads = 0;
  Measurement bytes_per_s = {};  ///< of the best way, on fresh pages
  std::int64_t buffer_bytes = 0;
  std::string isa = {};
  std::int64_t prefetch_bytes = 0;
  std::string page_size = {};
  std::int64_t huge_page_bytes = -1;  ///< obtained, from smaps; -1: not read
  std::vector<ReadWay> tried = {};    ///< all that were tried, the best one too
  bool own_pages = false;             ///< not fresh pages: the worker's weights, read between its steps
  bool operator==(const BandwidthPoint&) const = default;
};

/// What a product multiplies: each type has instructions, and so a peak, of its own.
enum class ComputeType : std::uint8_t { int8, bf16, f32 };

std::string_view to_string(ComputeType type);

/// The rate of one ISA's product instruction for a type, alone on registers.
struct ComputePeak {
  std::string isa = {};
  ComputeType type = ComputeType::int8;
  std::string instruction = {};  ///< "vpdpbusd"
  int threads = 0;
  Measurement ops_per_s = {};  ///< of all threads at once; additions and multiplications counted each
  double clock_hz = 0;         ///< of a core while it does this, from a chain of additions
  double per_cycle = 0;        ///< instructions that one core is built for: 2, 1, 0.5
  double built_ops_per_s = 0;  ///< threads x per_cycle x clock x operations
  bool operator==(const ComputePeak&) const = default;
};

/// What a token's bytes gain from the caches when the same are read again and again, as decode does.
struct CyclicRead {
  std::int64_t token_bytes = 0;
  std::int64_t large_bytes = 0;  ///< of the set that is read in turns with it
  Measurement bytes_per_s = {};  ///< of the token's bytes
  Measurement large_bytes_per_s = {};
  Ratio speedup = {};  ///< in pairs
  bool operator==(const CyclicRead&) const = default;

  /// Over 3 % faster, and beyond the noise.
  bool cache_helps() const { return speedup.median > 1.03 && speedup.interval.low > 1; }
};

struct Profile {
  std::vector<BandwidthPoint> read = {};
  /// Set if the last doubling of threads gained under 15 %: only then do we say "memory wall".
  bool read_saturated = false;
  std::vector<ComputePeak> compute = {};  ///< slowest ISA first; empty: not measured
  Abilities abilities = {};               ///< of a full probe; empty: not measured

  /// Median of the best thread count; 0 if not measured.
  double best_read_bytes_per_s() const;
  /// Median at this thread count, or of the nearest measured below it.
  double read_bytes_per_s(int threads) const;
  /// That point itself; nullptr if nothing was measured.
  const BandwidthPoint* read_point(int threads) const;
  bool operator==(const Profile&) const = default;
};

/// Hex, 16 digits: CPU, packages, nodes, modules; not memory size (it varies on VMs), not state.
std::string fingerprint(const Machine& machine);

}  // namespace oldiron
