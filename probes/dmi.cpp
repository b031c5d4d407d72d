#include "probes/dmi.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "probes/files.hpp"
#include "probes/memory_slots.hpp"

namespace oldiron {
namespace {

using Bytes = std::span<const unsigned char>;
using Modules = Available<MemoryModules>;

constexpr unsigned kMemoryDevice = 17, kEndOfTable = 127;
constexpr unsigned kRom = 0x08, kFeprom = 0x0b;

/// One structure: its formatted bytes and the strings that follow (SMBIOS specification 3.7, section 6.1).
struct Structure {
  Bytes bytes;
  std::vector<std::string> strings;

  unsigned u8(std::size_t at) const { return at < bytes.size() ? bytes[at] : 0; }

  unsigned u16(std::size_t at) const { return u8(at) | u8(at + 1) << 8; }

  unsigned u32(std::size_t at) const { return u16(at) | u16(at + 2) << 16; }

  std::string text(std::size_t at) const {
    const unsigned number = u8(at);
    return number >= 1 && number <= strings.size() ? strings[number - 1] : "";
  }
};

/// Takes the first structure off the table; an empty one where the table ends or is cut.
Structure take(Bytes& table) {
  if (table.size() < 4 || table[1] < 4 || table[1] > table.size()) return table = {}, Structure{};
  Structure structure{table.first(table[1]), {}};
  table = table.subspan(table[1]);
  std::string text;
  // Strings end with a zero each, the list with one more; without strings there are two zeros.
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i] != 0) {
      text.push_back(static_cast<char>(table[i]));
      continue;
    }
    if (!text.empty()) structure.strings.push_back(std::exchange(text, ""));
    if (i + 1 < table.size() && table[i + 1] == 0) return table = table.subspan(i + 2), structure;
  }
  table = {};
  return structure;
}

/// Section 7.18.2.
std::string type_name(unsigned code) {
  switch (code) {
    case 0x12:
      return "DDR";
    case 0x13:
      return "DDR2";
    case 0x18:
      return "DDR3";
    case 0x1a:
      return "DDR4";
    case 0x1b:
      return "LPDDR";
    case 0x1c:
      return "LPDDR2";
    case 0x1d:
      return "LPDDR3";
    case 0x1e:
      return "LPDDR4";
    case 0x20:
      return "HBM";
    case 0x21:
      return "HBM2";
    case 0x22:
      return "DDR5";
    case 0x23:
      return "LPDDR5";
    default:
      return "";
  }
}

/// Section 7.18.5; 0: empty slot, -1: a module of a size that it does not know.
std::int64_t module_bytes(const Structure& device) {
  const unsigned size = device.u16(0x0c);
  if (size == 0xffff) return -1;
  if (size == 0x7fff) return static_cast<std::int64_t>(device.u32(0x1c) & 0x7fffffff) * kMiB;
  return static_cast<std::int64_t>(size & 0x7fff) * (size & 0x8000 ? kKiB : kMiB);
}

/// Mega-transfers per second; those that 16 bits cannot hold stand in 32 of them elsewhere.
double transfers_per_s(const Structure& device, std::size_t at, std::size_t extended) {
  const unsigned speed = device.u16(at);
  return (speed == 0xffff ? device.u32(extended) : speed) * 1e6;
}

/// Makers write "Not Specified", "Unknown", "NO DIMM", or blanks where they have nothing to say.
std::string told(std::string_view text) {
  const std::string word = lower(trim(text));
  for (const char* nothing : {"unknown", "not specified", "no dimm", "none", "undefined", "n/a"})
    if (word == nothing) return "";
  return std::string(trim(text));
}

MemoryModule memory_module(const Structure& device) {
  MemoryModule module{.slot = told(device.text(0x10)), .bank = told(device.text(0x11))};
  module.bytes = module_bytes(device);
  if (module.bytes == 0) return module;
  module.type = type_name(device.u8(0x12));
  module.rated_transfers_per_s = transfers_per_s(device, 0x15, 0x54);
  module.transfers_per_s = transfers_per_s(device, 0x20, 0x58);
  const unsigned width_bits = device.u16(0x0a);
  if (width_bits <= 512) module.width_bits = static_cast<int>(width_bits);
  module.ranks = static_cast<int>(device.u8(0x1b) & 0x0f);
  module.maker = told(device.text(0x17));
  module.part = told(device.text(0x1a));
  return module;
}

}  // namespace

Modules parse_memory_modules(Bytes table, const std::string& source) {
  std::vector<MemoryModule> modules;
  while (!table.empty()) {
    const Structure device = take(table);
    if (device.bytes.empty() || device.u8(0) == kEndOfTable) break;
    const unsigned type = device.u8(0x12);
    // Some boards list the firmware's own chip beside the modules.
    if (device.u8(0) != kMemoryDevice || (type >= kRom && type <= kFeprom)) continue;
    modules.push_back(memory_module(device));
  }
  name_channels(modules);
  return sum_up(std::move(modules), source);
}

Modules read_dmi_modules(const std::string& root) {
  const std::string path = below(root, kDmiTable);
  if (access(path.c_str(), F_OK) != 0)
    return Modules::not_available(fmt::format("no {} (usual on virtual machines)", kDmiTable));
  const auto text = read_text(path);
  if (!text || text->empty()) return Modules::not_available(fmt::format("only root may read {}", kDmiTable));
  return parse_memory_modules({reinterpret_cast<const unsigned char*>(text->data()), text->size()}, kDmiTable);
}

std::string anonymous_table(Bytes table) {
  constexpr unsigned kMemoryArray = 16;
  constexpr std::size_t kSerial = 0x18, kAssetTag = 0x19;
  std::string kept;
  while (!table.empty()) {
    Structure structure = take(table);
    if (structure.bytes.empty()) break;
    const unsigned type = structure.u8(0);
    if (type != kMemoryArray && type != kMemoryDevice && type != kEndOfTable) continue;
    if (type == kMemoryDevice)
      for (const std::size_t at : {kSerial, kAssetTag})
        if (const unsigned number = structure.u8(at); number >= 1 && number <= structure.strings.size())
          structure.strings[number - 1].assign(structure.strings[number - 1].size(), 'x');
    kept.append(structure.bytes.begin(), structure.bytes.end());
    for (const std::string& text : structure.strings) kept.append(text).push_back('\0');
    kept.append(structure.strings.empty() ? 2 : 1, '\0');
    if (type == kEndOfTable) break;
  }
  return kept;
}

}  // namespace oldiron
