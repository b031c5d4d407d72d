// Abilities to JSON and back: every point with its whole measurement.
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/json_reader.hpp"

namespace oldiron {
namespace {

Json point_to_json(const LatencyPoint& p) {
  return {{"working_set_bytes", p.working_set_bytes},
          {"page_size", p.page_size},
          {"huge_page_bytes", p.huge_page_bytes},
          {"s", to_json(p.s)}};
}

Json point_to_json(const LoadedLatencyPoint& p) {
  return {{"readers", p.readers}, {"pause_s", p.pause_s}, {"bytes_per_s", to_json(p.bytes_per_s)}, {"s", to_json(p.s)}};
}

Json point_to_json(const BlockReadPoint& p) {
  return {{"block_bytes", p.block_bytes}, {"threads", p.threads}, {"bytes_per_s", to_json(p.bytes_per_s)}};
}

Json point_to_json(const HandOver& p) {
  return {{"from_cpu", p.from_cpu}, {"to_cpu", p.to_cpu}, {"s", to_json(p.s)}};
}

Json point_to_json(const BarrierPoint& p) { return {{"threads", p.threads}, {"s", to_json(p.s)}}; }

Json point_to_json(const StreamPoint& p) {
  return {{"kind", p.kind},
          {"isa", p.isa},
          {"threads", p.threads},
          {"buffer_bytes", p.buffer_bytes},
          {"bytes_per_s", to_json(p.bytes_per_s)},
          {"moved", p.moved}};
}

Json point_to_json(const NodePair& p) {
  return {{"cpu_node", p.cpu_node},
          {"memory_node", p.memory_node},
          {"threads", p.threads},
          {"bytes_per_s", to_json(p.bytes_per_s)},
          {"s", to_json(p.s)}};
}

void read_point(JsonReader& reader, LatencyPoint& p) {
  reader.read("working_set_bytes", p.working_set_bytes);
  reader.read("page_size", p.page_size);
  reader.read("huge_page_bytes", p.huge_page_bytes);
  p.s = measurement_from_json(reader.at("s"));
}

void read_point(JsonReader& reader, LoadedLatencyPoint& p) {
  reader.read("readers", p.readers);
  reader.read("pause_s", p.pause_s);
  p.bytes_per_s = measurement_from_json(reader.at("bytes_per_s"));
  p.s = measurement_from_json(reader.at("s"));
}

void read_point(JsonReader& reader, BlockReadPoint& p) {
  reader.read("block_bytes", p.block_bytes);
  reader.read("threads", p.threads);
  p.bytes_per_s = measurement_from_json(reader.at("bytes_per_s"));
}

void read_point(JsonReader& reader, HandOver& p) {
  reader.read("from_cpu", p.from_cpu);
  reader.read("to_cpu", p.to_cpu);
  p.s = measurement_from_json(reader.at("s"));
}

void read_point(JsonReader& reader, BarrierPoint& p) {
  reader.read("threads", p.threads);
  p.s = measurement_from_json(reader.at("s"));
}

void read_point(JsonReader& reader, StreamPoint& p) {
  reader.read("kind", p.kind);
  reader.read("isa", p.isa);
  reader.read("threads", p.threads);
  reader.read("buffer_bytes", p.buffer_bytes);
  p.bytes_per_s = measurement_from_json(reader.at("bytes_per_s"));
  reader.read("moved", p.moved);
}

void read_point(JsonReader& reader, NodePair& p) {
  reader.read("cpu_node", p.cpu_node);
  reader.read("memory_node", p.memory_node);
  reader.read("threads", p.threads);
  p.bytes_per_s = measurement_from_json(reader.at("bytes_per_s"));
  p.s = measurement_from_json(reader.at("s"));
}

template <class T>
Json list_of(const std::vector<T>& points) {
  Json list = Json::array();
  for (const T& point : points) list.push_back(point_to_json(point));
  return list;
}

template <class T>
void read_list(JsonReader& reader, const char* key, std::vector<T>& points) {
  for (const Json& json : reader.list(key)) {
    JsonReader each(json, std::string("abilities.") + key);
    read_point(each, points.emplace_back());
    each.finish();
  }
}

}  // namespace

Json to_json(const Abilities& a) {
  return {{"latency", list_of(a.latency)},
          {"loaded_latency", list_of(a.loaded_latency)},
          {"blocks", list_of(a.blocks)},
          {"hand_overs", list_of(a.hand_overs)},
          {"barriers", list_of(a.barriers)},
          {"streams", list_of(a.streams)},
          {"node_pairs", list_of(a.node_pairs)}};
}

Abilities abilities_from_json(const Json& json) {
  JsonReader reader(json, "abilities");
  Abilities a;
  read_list(reader, "latency", a.latency);
  read_list(reader, "loaded_latency", a.loaded_latency);
  read_list(reader, "blocks", a.blocks);
  read_list(reader, "hand_overs", a.hand_overs);
  read_list(reader, "barriers", a.barriers);
  read_list(reader, "streams", a.streams);
  read_list(reader, "node_pairs", a.node_pairs);
  reader.finish();
  return a;
}

}  // namespace oldiron
