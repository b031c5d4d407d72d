// JSON of the memory modules.
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/json_reader.hpp"

namespace oldiron {
namespace {

Json module_to_json(const MemoryModule& module) {
  return {{"slot", module.slot},
          {"bank", module.bank},
          {"channel", module.channel},
          {"bytes", module.bytes},
          {"type", module.type},
          {"rated_transfers_per_s", module.rated_transfers_per_s},
          {"transfers_per_s", module.transfers_per_s},
          {"width_bits", module.width_bits},
          {"ranks", module.ranks},
          {"maker", module.maker},
          {"part", module.part}};
}

MemoryModule module_from_json(const Json& json) {
  JsonReader reader(json, "machine.modules.table");
  MemoryModule module;
  reader.read("slot", module.slot);
  reader.read("bank", module.bank);
  reader.read("channel", module.channel);
  reader.read("bytes", module.bytes);
  reader.read("type", module.type);
  reader.read("rated_transfers_per_s", module.rated_transfers_per_s);
  reader.read("transfers_per_s", module.transfers_per_s);
  reader.read("width_bits", module.width_bits);
  reader.read("ranks", module.ranks);
  reader.read("maker", module.maker);
  reader.read("part", module.part);
  reader.finish();
  return module;
}

}  // namespace

Json to_json(const Available<MemoryModules>& modules) {
  if (!modules) return {{"not_available", modules.reason()}};
  Json table = Json::array();
  for (const MemoryModule& module : modules->table) table.push_back(module_to_json(module));
  return {{"type", modules->type},
          {"populated", modules->populated},
          {"slots", modules->slots},
          {"transfers_per_s", modules->transfers_per_s},
          {"rated_transfers_per_s", modules->rated_transfers_per_s},
          {"channels", modules->channels},
          {"all_channels", modules->all_channels},
          {"bytes_per_s", modules->bytes_per_s},
          {"full_bytes_per_s", modules->full_bytes_per_s},
          {"source", modules->source},
          {"table", table}};
}

Available<MemoryModules> memory_modules_from_json(const Json& json) {
  JsonReader reader(json, "machine.modules");
  if (reader.has("not_available")) {
    std::string reason;
    reader.read("not_available", reason);
    reader.finish();
    return Available<MemoryModules>::not_available(reason);
  }
  MemoryModules modules;
  reader.read("type", modules.type);
  reader.read("populated", modules.populated);
  reader.read("slots", modules.slots);
  reader.read("transfers_per_s", modules.transfers_per_s);
  reader.read("bytes_per_s", modules.bytes_per_s);
  // Written before the table was kept: the summary is all there is.
  if (reader.has("table")) {
    reader.read("rated_transfers_per_s", modules.rated_transfers_per_s);
    reader.read("channels", modules.channels);
    reader.read("all_channels", modules.all_channels);
    reader.read("full_bytes_per_s", modules.full_bytes_per_s);
    reader.read("source", modules.source);
    for (const Json& module : reader.list("table")) modules.table.push_back(module_from_json(module));
  }
  reader.finish();
  return modules;
}

}  // namespace oldiron
