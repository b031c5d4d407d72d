#include "probes/topology.hpp"

#include <hwloc.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

namespace oldiron {
namespace {

using Topology = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, decltype(&hwloc_topology_destroy)>;

Topology load(const TopologySource& source) {
  hwloc_topology_t topology = nullptr;
  int failed = hwloc_topology_init(&topology);
  if (failed) throw Error("hwloc cannot start: out of memory");
  Topology owner(topology, &hwloc_topology_destroy);
  if (source.kind == TopologySource::Kind::synthetic)
    failed = hwloc_topology_set_synthetic(topology, source.text.c_str());
  if (source.kind == TopologySource::Kind::xml_file)
    failed = hwloc_topology_set_xml(topology, source.text.c_str());
  // What the cpuset hides still belongs to the machine's identity; `allowed` says what may be used.
  failed = failed || hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
  if (failed || hwloc_topology_load(topology) != 0)
    throw Error("hwloc cannot read the topology of " + (source.text.empty() ? "this machine" : source.text) +
                ": " + std::strerror(errno) + "; check that /sys is mounted");
  return owner;
}

int count(hwloc_topology_t topology, hwloc_obj_type_t type) {
  return std::max(0, hwloc_get_nbobjs_by_type(topology, type));
}

Core read_core(hwloc_topology_t topology, hwloc_obj_t object, std::span<const int> allowed) {
  Core core;
  core.id = static_cast<int>(object->logical_index);
  core.node = std::max(0, hwloc_bitmap_first(object->nodeset));
  if (const hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, object))
    core.package = static_cast<int>(package->logical_index);
  for (int cpu = hwloc_bitmap_first(object->cpuset); cpu >= 0; cpu = hwloc_bitmap_next(object->cpuset, cpu))
    if (allowed.empty() || std::find(allowed.begin(), allowed.end(), cpu) != allowed.end())
      core.cpus.push_back(cpu);
  core.efficiency = std::max(0, hwloc_cpukinds_get_by_cpuset(topology, object->cpuset, 0));
  return core;
}

void add_cache(hwloc_topology_t topology, hwloc_obj_t object, bool has_cores, std::vector<Cache>& caches) {
  Cache cache{.level = static_cast<int>(object->attr->cache.depth),
              .bytes = static_cast<std::int64_t>(object->attr->cache.size),
              .instances = 1};
  cache.cores = hwloc_get_nbobjs_inside_cpuset_by_type(topology, object->cpuset,
                                                       has_cores ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU);
  for (Cache& known : caches)
    if (known.level == cache.level && known.bytes == cache.bytes && known.cores == cache.cores) {
      ++known.instances;
      return;
    }
  if (cache.bytes > 0) caches.push_back(cache);
}

}  // namespace

void read_topology(const TopologySource& source, std::span<const int> allowed, Machine& machine) {
  const Topology owner = load(source);
  const hwloc_topology_t topology = owner.get();
  machine.packages = std::max(1, count(topology, HWLOC_OBJ_PACKAGE));
  machine.nodes = std::max(1, count(topology, HWLOC_OBJ_NUMANODE));
  machine.cores.clear();
  machine.caches.clear();
  // Some containers and guests show CPUs but no cores.
  const bool has_cores = count(topology, HWLOC_OBJ_CORE) > 0;
  const hwloc_obj_type_t type = has_cores ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
  for (hwloc_obj_t object = nullptr;
       (object = hwloc_get_next_obj_by_type(topology, type, object)) != nullptr;) {
    Core core = read_core(topology, object, allowed);
    if (!core.cpus.empty()) machine.cores.push_back(std::move(core));
  }
  for (const auto level : {HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L4CACHE})
    for (hwloc_obj_t object = nullptr;
         (object = hwloc_get_next_obj_by_type(topology, level, object)) != nullptr;)
      add_cache(topology, object, has_cores, machine.caches);
}

std::string topology_xml() {
  const Topology owner = load({});
  char* buffer = nullptr;
  int length = 0;
  if (hwloc_topology_export_xmlbuffer(owner.get(), &buffer, &length, 0) != 0)
    throw Error(std::string("hwloc cannot export the topology: ") + std::strerror(errno));
  const std::string xml(buffer);
  hwloc_free_xmlbuffer(owner.get(), buffer);
  // Infos name hosts, boards' serial numbers and control groups: those that tell of CPUs are kept.
  std::string kept;
  for (std::size_t at = 0; at < xml.size();) {
    const std::size_t end = std::min(xml.size(), xml.find('\n', at) + 1);
    const std::string line = xml.substr(at, (end == 0 ? xml.size() : end) - at);
    const bool info = line.find("<info name=") != line.npos;
    bool harmless = !info;
    for (const char* name : {"\"CPU", "\"Architecture\"", "\"Backend\"", "\"OSName\"", "\"hwlocVersion\"", "\"CoreType\"",
                             "\"FrequencyMaxMHz\"", "\"FrequencyBaseMHz\"", "\"LinuxCapacity\""})
      harmless = harmless || line.find(std::string("<info name=") + name) != line.npos;
    if (harmless) kept += line;
    at += line.size();
  }
  return kept;
}

}  // namespace oldiron
