#include "core/machine_card.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/json_reader.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

constexpr double kBytesPerTransfer = 8;  // a DDR channel is 64 bits wide

struct Shape {
  int sockets = 0, cores = 0, threads = 0;  ///< cores per socket, threads per core
};

void require(JsonReader& reader, bool holds, std::string_view what) {
  if (!holds) throw reader.error(std::string(what));
}

Shape read_shape(JsonReader& reader, Machine& machine) {
  Shape shape;
  reader.read("sockets", shape.sockets);
  reader.read("cores_per_socket", shape.cores);
  reader.read("threads_per_core", shape.threads);
  require(reader, shape.sockets >= 1 && shape.sockets <= 8, "sockets is from 1 to 8");
  require(reader, shape.cores >= 1 && shape.cores <= 512, "cores_per_socket is from 1 to 512");
  require(reader, shape.threads >= 1 && shape.threads <= 8, "threads_per_core is from 1 to 8");
  machine.packages = machine.nodes = shape.sockets;
  const int cores = shape.sockets * shape.cores;
  for (int i = 0; i < cores; ++i) {
    Core core{.id = i, .node = i / shape.cores, .package = i / shape.cores};
    for (int thread = 0; thread < shape.threads; ++thread) core.cpus.push_back(i + thread * cores);
    machine.cores.push_back(core);
  }
  return shape;
}

void read_memory(JsonReader& reader, const Shape& shape, MachineCard& card) {
  JsonReader memory(reader.at("memory"), "memory");
  MemoryModules modules;
  int channels = 0;
  memory.read("type", modules.type);
  memory.read("channels_per_socket", channels);
  memory.read("transfers_per_s", modules.transfers_per_s);
  memory.read("bytes", card.machine.memory_bytes);
  memory.finish();
  require(memory, channels >= 1 && channels <= 16, "channels_per_socket is from 1 to 16");
  require(memory, modules.transfers_per_s >= 1e8 && modules.transfers_per_s <= 1e11,
          "transfers_per_s is in transfers per second: 2133000000 for DDR4-2133");
  require(memory, card.machine.memory_bytes > 0, "bytes must be above 0");
  modules.populated = modules.slots = channels * shape.sockets;
  modules.bytes_per_s = modules.transfers_per_s * kBytesPerTransfer * modules.populated;
  card.paper_bytes_per_s = modules.bytes_per_s;
  card.machine.modules = modules;
}

Estimate read_estimate(JsonReader& reader, const char* key) {
  JsonReader object(reader.at(key), key);
  Estimate estimate;
  object.read("low", estimate.low);
  object.read("high", estimate.high);
  if (object.has("likely")) object.read("likely", estimate.likely);
  object.finish();
  const bool inside = estimate.likely == 0 || (estimate.likely >= estimate.low && estimate.likely <= estimate.high);
  require(object, estimate.low > 0 && estimate.low <= estimate.high && inside, "needs 0 < low <= likely <= high");
  return estimate;
}

void read_bandwidth(JsonReader& reader, const Shape& shape, MachineCard& card) {
  const double paper = card.paper_bytes_per_s;
  card.read_bytes_per_s = {paper * kReadOfPaper.low, paper * kReadOfPaper.likely, paper * kReadOfPaper.high};
  if (reader.has("read_bytes_per_s")) {
    card.read_bytes_per_s = read_estimate(reader, "read_bytes_per_s");
    card.read_is_published = true;
    require(reader, card.read_bytes_per_s.high <= paper, "read_bytes_per_s is above what the channels carry");
  } else if (shape.sockets > 1) {
    card.read_bytes_per_s.low /= shape.sockets;
    card.read_bytes_per_s.likely = 0;
  }
  if (shape.sockets > 1) {
    card.unverified.push_back(fmt::format(
        "how much of the memory of {} sockets a decode reaches; the range is from one socket to all", shape.sockets));
  }
}

void read_compute(JsonReader& reader, const Shape& shape, MachineCard& card) {
  if (!reader.has("int8")) return;
  JsonReader int8(reader.at("int8"), "int8");
  double operations = 0, per_cycle = 0, base_hz = 0, max_hz = 0;
  int cores = shape.sockets * shape.cores;
  int8.read("instruction", card.instruction);
  int8.read("operations", operations);
  int8.read("per_cycle", per_cycle);
  int8.read("base_clock_hz", base_hz);
  int8.read("max_clock_hz", max_hz);
  if (int8.has("cores")) int8.read("cores", cores);
  int8.finish();
  require(int8, operations > 0 && per_cycle > 0 && cores > 0, "operations, per_cycle and cores must be above 0");
  require(int8, base_hz >= 1e8 && base_hz <= max_hz && max_hz <= 1e10, "clocks are in Hz, base <= max");
  const double per_hz = operations * per_cycle * cores;
  card.ops_per_s = {per_hz * base_hz, per_hz * base_hz, per_hz * max_hz};
}

}  // namespace

MachineCard machine_from_card(const std::string& path) {
  const Json json = parse_json(read_file(path), path);
  JsonReader reader(json, path);
  MachineCard card;
  reader.read("id", card.id);
  reader.read("cpu_model", card.machine.cpu_model);
  reader.read("isas", card.machine.isas);
  const Shape shape = read_shape(reader, card.machine);
  read_memory(reader, shape, card);
  read_bandwidth(reader, shape, card);
  read_compute(reader, shape, card);
  std::vector<std::string> unverified;
  reader.read("sources", card.sources);
  reader.read("unverified", unverified);
  card.unverified.insert(card.unverified.end(), unverified.begin(), unverified.end());
  require(reader, !card.sources.empty(), "sources must name where the figures come from");
  reader.finish();
  return card;
}

}  // namespace oldiron
