#include "probes/udev_memory.hpp"

#include <map>
#include <utility>
#include <vector>

#include "probes/files.hpp"
#include "probes/memory_slots.hpp"

namespace oldiron {
namespace {

using Modules = Available<MemoryModules>;

constexpr const char* kDatabase = "/run/udev/data/+dmi:id";
constexpr std::string_view kDevice = "E:MEMORY_DEVICE_";

using Properties = std::map<std::string_view, std::string_view>;

MemoryModule memory_module(const Properties& properties) {
  const auto text = [&](std::string_view key) {
    const auto found = properties.find(key);
    return found == properties.end() ? std::string() : std::string(found->second);
  };
  const auto number = [&](std::string_view key) { return parse_number(text(key)).value_or(0); };
  const auto mega = [&](std::string_view key) { return static_cast<double>(number(key)) * 1e6; };
  MemoryModule module{.slot = text("LOCATOR"), .bank = text("BANK_LOCATOR")};
  if (text("PRESENT") == "0") return module;
  module.bytes = properties.count("SIZE") != 0 ? number("SIZE") : -1;
  if (module.bytes == 0) return module;
  module.type = text("TYPE").starts_with("<") || text("TYPE") == "Unknown" ? "" : text("TYPE");
  module.rated_transfers_per_s = mega("SPEED_MTS");
  module.transfers_per_s = mega("CONFIGURED_SPEED_MTS");
  module.width_bits = static_cast<int>(number("DATA_WIDTH"));
  module.ranks = static_cast<int>(number("RANK"));
  module.maker = text("MANUFACTURER");
  module.part = text("PART_NUMBER");
  return module;
}

}  // namespace

Modules parse_udev_modules(std::string_view text, const std::string& source) {
  std::map<std::int64_t, Properties> devices;
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with(kDevice)) continue;
    line.remove_prefix(kDevice.size());
    const std::size_t underscore = line.find('_'), equals = line.find('=');
    const auto number = parse_number(line.substr(0, underscore));
    if (!number || underscore == line.npos || equals == line.npos || equals < underscore) continue;
    devices[*number][line.substr(underscore + 1, equals - underscore - 1)] = trim(line.substr(equals + 1));
  }
  std::vector<MemoryModule> modules;
  for (const auto& [number, properties] : devices) modules.push_back(memory_module(properties));
  name_channels(modules);
  return sum_up(std::move(modules), source);
}

Modules read_udev_modules(const std::string& root) {
  const auto text = read_text(below(root, kDatabase));
  if (!text) return Modules::not_available(std::string("no ") + kDatabase);
  if (text->find(kDevice) == text->npos)
    return Modules::not_available(std::string(kDatabase) + " tells of no memory modules (systemd is older than 248)");
  return parse_udev_modules(*text, kDatabase);
}

}  // namespace oldiron
