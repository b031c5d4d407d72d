// Packages, cores, caches and NUMA nodes.
#pragma once

#include <span>
#include <string>

#include "core/machine.hpp"

namespace oldiron {

/// Which topology to read: this machine, or for tests hwloc's synthetic text ("package:2 core:12 pu:2") or an
/// XML file.
struct TopologySource {
  enum class Kind { here, synthetic, xml_file };
  Kind kind = Kind::here;
  std::string text;
};

/// Fills packages, nodes and caches of the whole machine, and the cores that hold one of the `allowed` CPUs
/// (empty: all). Throws Error if hwloc cannot read the source.
void read_topology(const TopologySource& source, std::span<const int> allowed, Machine& machine);

/// This machine's topology as hwloc's XML, without names and numbers of its owner's. Throws Error as above.
std::string topology_xml();

}  // namespace oldiron
