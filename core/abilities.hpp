// What a memory and a team can do beside plain reading: latencies, scattered blocks, hand-overs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/measurement.hpp"

namespace oldiron {

/// Loads of which each waits for the one before, in random order over all lines of a working set.
struct LatencyPoint {
  std::int64_t working_set_bytes = 0;
  std::string page_size = {};         ///< as the lever page_size has it
  std::int64_t huge_page_bytes = -1;  ///< obtained, from smaps; -1: not read
  Measurement s = {};                 ///< of one load
  bool operator==(const LatencyPoint&) const = default;
};

/// The same from memory while other threads read it, each pausing between blocks.
struct LoadedLatencyPoint {
  int readers = 0;
  double pause_s = 0;               ///< of each reader after a block
  Measurement bytes_per_s = {};     ///< of all readers together
  Measurement s = {};               ///< of one load beside them
  bool operator==(const LoadedLatencyPoint&) const = default;
};

/// Whole blocks in random order, each shared by all threads: how the experts of a model are read.
struct BlockReadPoint {
  std::int64_t block_bytes = 0;
  int threads = 0;
  Measurement bytes_per_s = {};
  bool operator==(const BlockReadPoint&) const = default;
};

/// A cache line that two cores hand to each other.
struct HandOver {
  int from_cpu = 0, to_cpu = 0;  ///< OS numbers
  Measurement s = {};            ///< one way
  bool operator==(const HandOver&) const = default;
};

/// A barrier of threads that all arrive at once.
struct BarrierPoint {
  int threads = 0;
  Measurement s = {};
  bool operator==(const BarrierPoint&) const = default;
};

/// Arrays moved by stores, each thread its own part of them.
struct StreamPoint {
  std::string kind = {};  ///< "write", "copy", "triad"; with "_past" behind it the stores go past the caches
  std::string isa = {};
  int threads = 0;
  std::int64_t buffer_bytes = 0;  ///< of all arrays
  Measurement bytes_per_s = {};   ///< that the program loads and stores
  /// Bytes on the way to memory for each of those, where a store into a cache reads its line first: 2 of write, 3/2 of
  /// copy, 4/3 of triad; 1 of stores past the caches.
  double moved = 1;
  bool operator==(const StreamPoint&) const = default;
};

/// The cores of one NUMA node on the memory of another, or of the same.
struct NodePair {
  int cpu_node = 0, memory_node = 0;
  int threads = 0;               ///< that read
  Measurement bytes_per_s = {};  ///< read by them together
  Measurement s = {};            ///< of one load that waits for the one before, of one thread
  bool operator==(const NodePair&) const = default;
};

struct Abilities {
  std::vector<LatencyPoint> latency = {};  ///< ascending working sets of one page size after those of another
  std::vector<LoadedLatencyPoint> loaded_latency = {};  ///< ascending pauses behind the first, which has no readers
  std::vector<BlockReadPoint> blocks = {};              ///< ascending
  std::vector<HandOver> hand_overs = {};
  std::vector<BarrierPoint> barriers = {};
  std::vector<StreamPoint> streams = {};    ///< by kind, then ISA, then ascending threads
  std::vector<NodePair> node_pairs = {};    ///< empty on one node
  bool operator==(const Abilities&) const = default;
};

/// Puts the samples of a later pass behind those of the same points of the first.
void append(Abilities& first, const Abilities& later);

}  // namespace oldiron
