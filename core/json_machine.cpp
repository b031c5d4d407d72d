// JSON of a machine, its state and its profile.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/json_reader.hpp"

namespace oldiron {
namespace {

template <class T, class Write>
Json list_of(const std::vector<T>& items, Write write) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(write(item));
  return list;
}

Json core_to_json(const Core& core) {
  return {{"id", core.id},
          {"node", core.node},
          {"package", core.package},
          {"cpus", core.cpus},
          {"efficiency", core.efficiency}};
}

Core core_from_json(const Json& json) {
  JsonReader reader(json, "machine.cores");
  Core core;
  reader.read("id", core.id);
  reader.read("node", core.node);
  reader.read("package", core.package);
  reader.read("cpus", core.cpus);
  reader.read("efficiency", core.efficiency);
  reader.finish();
  return core;
}

Json cache_to_json(const Cache& cache) {
  return {
      {"level", cache.level}, {"bytes", cache.bytes}, {"cores", cache.cores}, {"instances", cache.instances}};
}

Cache cache_from_json(const Json& json) {
  JsonReader reader(json, "machine.caches");
  Cache cache;
  reader.read("level", cache.level);
  reader.read("bytes", cache.bytes);
  reader.read("cores", cache.cores);
  reader.read("instances", cache.instances);
  reader.finish();
  return cache;
}

Json way_to_json(const ReadWay& way) {
  Json json = {{"isa", way.isa},
               {"prefetch_bytes", way.prefetch_bytes},
               {"page_size", way.page_size},
               {"bytes_per_s", way.bytes_per_s}};
  if (!way.reason.empty()) json["reason"] = way.reason;
  return json;
}

ReadWay way_from_json(const Json& json) {
  JsonReader reader(json, "profile.bandwidth.read.tried");
  ReadWay way;
  reader.read("isa", way.isa);
  reader.read("prefetch_bytes", way.prefetch_bytes);
  reader.read("page_size", way.page_size);
  reader.read("bytes_per_s", way.bytes_per_s);
  if (reader.has("reason")) reader.read("reason", way.reason);
  reader.finish();
  return way;
}

Json bandwidth_to_json(const BandwidthPoint& point) {
  const Measurement& measured = point.bytes_per_s;
  Json json = {{"threads", point.threads},
          {"name", measured.name},
          {"unit", measured.unit},
          {"bytes_per_s", measured.median},
          {"interval", {measured.low, measured.high}},
          {"samples", measured.samples},
          {"tags", measured.tags},
          {"buffer_bytes", point.buffer_bytes},
          {"isa", point.isa},
          {"prefetch_bytes", point.prefetch_bytes},
          {"page_size", point.page_size},
          {"huge_page_bytes", point.huge_page_bytes},
          {"own_pages", point.own_pages},
          {"tried", list_of(point.tried, way_to_json)}};
  if (!measured.disturbed.empty()) json["disturbed"] = to_json(measured.disturbed);
  return json;
}

/// A measurement whose median stands under the name of its unit.
void read_measured(JsonReader& reader, const char* median_key, Measurement& measured) {
  std::vector<double> interval;
  reader.read("name", measured.name);
  reader.read("unit", measured.unit);
  reader.read(median_key, measured.median);
  reader.read("interval", interval);
  if (interval.size() != 2) throw reader.error("interval must be [low, high]");
  measured.low = interval[0];
  measured.high = interval[1];
  reader.read("samples", measured.samples);
  reader.read("tags", measured.tags);
  if (reader.has("disturbed")) measured.disturbed = disturbed_from_json(reader.list("disturbed"));
}

BandwidthPoint point_from_json(const Json& json) {
  JsonReader reader(json, "profile.bandwidth.read");
  BandwidthPoint point;
  reader.read("threads", point.threads);
  read_measured(reader, "bytes_per_s", point.bytes_per_s);
  reader.read("buffer_bytes", point.buffer_bytes);
  reader.read("isa", point.isa);
  // Points written before several ways were tried have one, and do not tell it.
  if (reader.has("tried")) {
    reader.read("prefetch_bytes", point.prefetch_bytes);
    reader.read("page_size", point.page_size);
    reader.read("huge_page_bytes", point.huge_page_bytes);
    reader.read("own_pages", point.own_pages);
    for (const Json& way : reader.list("tried")) point.tried.push_back(way_from_json(way));
  }
  reader.finish();
  return point;
}

Json peak_to_json(const ComputePeak& peak) {
  const Measurement& measured = peak.ops_per_s;
  return {{"isa", peak.isa},
          {"type", to_string(peak.type)},
          {"instruction", peak.instruction},
          {"threads", peak.threads},
          {"name", measured.name},
          {"unit", measured.unit},
          {"ops_per_s", measured.median},
          {"interval", {measured.low, measured.high}},
          {"samples", measured.samples},
          {"tags", measured.tags},
          {"clock_hz", peak.clock_hz},
          {"per_cycle", peak.per_cycle},
          {"built_ops_per_s", peak.built_ops_per_s}};
}

ComputePeak peak_from_json(const Json& json) {
  JsonReader reader(json, "profile.compute");
  ComputePeak peak;
  std::string type;
  reader.read("isa", peak.isa);
  reader.read("type", type);
  for (const ComputeType each : {ComputeType::int8, ComputeType::bf16, ComputeType::f32})
    if (type == to_string(each)) peak.type = each;
  if (type != to_string(peak.type)) throw reader.error("type must be int8, bf16 or f32");
  reader.read("instruction", peak.instruction);
  reader.read("threads", peak.threads);
  read_measured(reader, "ops_per_s", peak.ops_per_s);
  reader.read("clock_hz", peak.clock_hz);
  reader.read("per_cycle", peak.per_cycle);
  reader.read("built_ops_per_s", peak.built_ops_per_s);
  reader.finish();
  return peak;
}

}  // namespace

Json to_json(const Machine& machine) {
  return {{"cpu_model", machine.cpu_model},
          {"hypervisor", machine.hypervisor},
          {"packages", machine.packages},
          {"nodes", machine.nodes},
          {"cores", list_of(machine.cores, core_to_json)},
          {"caches", list_of(machine.caches, cache_to_json)},
          {"isas", machine.isas},
          {"memory_bytes", machine.memory_bytes},
          {"modules", to_json(machine.modules)},
          {"kernel", machine.kernel},
          {"transparent_huge_pages", machine.transparent_huge_pages}};
}

Machine machine_from_json(const Json& json) {
  JsonReader reader(json, "machine");
  Machine machine;
  reader.read("cpu_model", machine.cpu_model);
  reader.read("hypervisor", machine.hypervisor);
  reader.read("packages", machine.packages);
  reader.read("nodes", machine.nodes);
  for (const Json& core : reader.list("cores")) machine.cores.push_back(core_from_json(core));
  for (const Json& cache : reader.list("caches")) machine.caches.push_back(cache_from_json(cache));
  reader.read("isas", machine.isas);
  reader.read("memory_bytes", machine.memory_bytes);
  machine.modules = memory_modules_from_json(reader.at("modules"));
  reader.read("kernel", machine.kernel);
  reader.read("transparent_huge_pages", machine.transparent_huge_pages);
  reader.finish();
  return machine;
}

Json to_json(const MachineState& state) {
  Json json = {{"allowed_cpus", state.allowed_cpus},
          {"cpu_quota", state.cpu_quota},
          {"memory_available_bytes", state.memory_available_bytes},
          {"cgroup_memory_free_bytes", state.cgroup_memory_free_bytes},
          {"node_free_bytes", state.node_free_bytes},
          {"load_1min", state.load_1min},
          {"steal_fraction", state.steal_fraction},
          {"other_cpu_fraction", state.other_cpu_fraction}};
  // Absent where nothing is left, as in states that were written before there was such a key.
  if (state.leave_memory_bytes > 0) json["leave_memory_bytes"] = state.leave_memory_bytes;
  return json;
}

MachineState machine_state_from_json(const Json& json) {
  JsonReader reader(json, "machine state");
  MachineState state;
  reader.read("allowed_cpus", state.allowed_cpus);
  reader.read("cpu_quota", state.cpu_quota);
  reader.read("memory_available_bytes", state.memory_available_bytes);
  reader.read("cgroup_memory_free_bytes", state.cgroup_memory_free_bytes);
  reader.read("node_free_bytes", state.node_free_bytes);
  if (reader.has("leave_memory_bytes")) reader.read("leave_memory_bytes", state.leave_memory_bytes);
  reader.read("load_1min", state.load_1min);
  reader.read("steal_fraction", state.steal_fraction);
  reader.read("other_cpu_fraction", state.other_cpu_fraction);
  reader.finish();
  return state;
}

Json to_json(const Profile& profile) {
  return {{"bandwidth",
           {{"read", list_of(profile.read, bandwidth_to_json)}, {"read_saturated", profile.read_saturated}}},
          {"compute", list_of(profile.compute, peak_to_json)},
          {"abilities", to_json(profile.abilities)}};
}

Json to_json(const Available<CyclicRead>& cyclic) {
  if (!cyclic) return {{"not_available", cyclic.reason()}};
  return {{"token_bytes", cyclic->token_bytes},
          {"large_bytes", cyclic->large_bytes},
          {"bytes_per_s", to_json(cyclic->bytes_per_s)},
          {"large_bytes_per_s", to_json(cyclic->large_bytes_per_s)},
          {"speedup", cyclic->speedup.median},
          {"interval", {cyclic->speedup.interval.low, cyclic->speedup.interval.high}},
          {"cache_helps", cyclic->cache_helps()}};
}

Json to_json(const Available<PowerMeter>& power) {
  if (!power) return {{"not_available", power.reason()}};
  return {{"source", power->source}, {"whole_machine", power->whole_machine}, {"idle_w", to_json(power->idle_w)}};
}

Available<PowerMeter> power_meter_from_json(const Json& json) {
  JsonReader reader(json, "power");
  if (reader.has("not_available")) {
    std::string reason;
    reader.read("not_available", reason);
    reader.finish();
    return Available<PowerMeter>::not_available(reason);
  }
  PowerMeter meter;
  reader.read("source", meter.source);
  reader.read("whole_machine", meter.whole_machine);
  meter.idle_w = measurement_from_json(reader.at("idle_w"));
  reader.finish();
  return meter;
}

Available<CyclicRead> cyclic_read_from_json(const Json& json) {
  JsonReader reader(json, "cyclic_read");
  if (reader.has("not_available")) {
    std::string reason;
    reader.read("not_available", reason);
    reader.finish();
    return Available<CyclicRead>::not_available(reason);
  }
  CyclicRead cyclic;
  std::vector<double> interval;
  bool helps = false;  // follows from the figures
  reader.read("token_bytes", cyclic.token_bytes);
  reader.read("large_bytes", cyclic.large_bytes);
  cyclic.bytes_per_s = measurement_from_json(reader.at("bytes_per_s"));
  cyclic.large_bytes_per_s = measurement_from_json(reader.at("large_bytes_per_s"));
  reader.read("speedup", cyclic.speedup.median);
  reader.read("interval", interval);
  if (interval.size() != 2) throw reader.error("interval must be [low, high]");
  cyclic.speedup.interval = {interval[0], interval[1]};
  reader.read("cache_helps", helps);
  reader.finish();
  return cyclic;
}

Profile profile_from_json(const Json& json) {
  JsonReader reader(json, "profile");
  JsonReader bandwidth(reader.at("bandwidth"), "profile.bandwidth");
  Profile profile;
  for (const Json& point : bandwidth.list("read")) profile.read.push_back(point_from_json(point));
  bandwidth.read("read_saturated", profile.read_saturated);
  bandwidth.finish();
  // Profiles written before peaks were measured have none.
  if (reader.has("compute"))
    for (const Json& peak : reader.list("compute")) profile.compute.push_back(peak_from_json(peak));
  if (reader.has("abilities")) profile.abilities = abilities_from_json(reader.at("abilities"));
  reader.finish();
  return profile;
}

}  // namespace oldiron
