#include "probes/dmi.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <set>
#include <vector>

#include "probes/files.hpp"

namespace oldiron {
namespace {

using Bytes = std::span<const unsigned char>;
using Modules = Available<MemoryModules>;

constexpr unsigned kMemoryDevice = 17, kEndOfTable = 127;

/// One structure: its formatted bytes and the strings that follow (SMBIOS specification 3.7, section 6.1).
struct Structure {
  Bytes bytes;
  std::vector<std::string> strings;

  unsigned u8(std::size_t at) const { return at < bytes.size() ? bytes[at] : 0; }

  unsigned u16(std::size_t at) const { return u8(at) | u8(at + 1) << 8; }

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

/// The channel that a slot's labels name ("P0 CHANNEL A"), or "". Bare letters ("DIMM_A1") are no help: they
/// are channels on some boards and sockets on others.
std::string channel(const std::string& slot, const std::string& bank) {
  std::string label = bank + "/" + slot;
  for (char& letter : label) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  std::size_t end = label.find("CHANNEL");
  if (end == label.npos) return "";
  end += 7;
  while (end < label.size() && !std::isalnum(static_cast<unsigned char>(label[end]))) ++end;
  while (end < label.size() && std::isalnum(static_cast<unsigned char>(label[end]))) ++end;
  return label.substr(0, end);
}

}  // namespace

Modules parse_memory_modules(Bytes table) {
  MemoryModules modules;
  std::set<std::string> channels;
  bool all_named = true;
  double slowest = 0;
  unsigned width_bits = 64;
  while (!table.empty()) {
    const Structure device = take(table);
    if (device.bytes.empty() || device.u8(0) == kEndOfTable) break;
    if (device.u8(0) != kMemoryDevice) continue;
    ++modules.slots;
    if (device.u16(0x0c) == 0) continue;  // size: an empty slot
    ++modules.populated;
    if (modules.type.empty()) modules.type = type_name(device.u8(0x12));
    const double configured = device.u16(0x20), rated = device.u16(0x15);  // mega-transfers per second
    const double speed = configured > 0 ? configured : rated;
    if (speed > 0) slowest = slowest > 0 ? std::min(slowest, speed) : speed;
    if (device.u16(0x0a) > 0 && device.u16(0x0a) <= 512) width_bits = device.u16(0x0a);
    const std::string name = channel(device.text(0x10), device.text(0x11));
    all_named = all_named && !name.empty();
    channels.insert(name);
  }
  if (modules.slots == 0) return Modules::not_available("the firmware's table lists no memory modules");
  if (modules.type.empty() || slowest == 0)
    return Modules::not_available(
        "the firmware's table names neither type nor speed (usual on virtual machines)");
  modules.transfers_per_s = slowest * 1e6;
  // Two modules of one channel share its wires. Without names of channels the peak stays unknown rather than
  // wrong.
  if (all_named)
    modules.bytes_per_s = modules.transfers_per_s * width_bits / 8 * static_cast<double>(channels.size());
  return modules;
}

Modules read_memory_modules(const std::string& root) {
  const std::string path = below(root, "/sys/firmware/dmi/tables/DMI");
  if (access(path.c_str(), F_OK) != 0)
    return Modules::not_available("no /sys/firmware/dmi/tables/DMI (usual on virtual machines)");
  const auto text = read_text(path);
  if (!text || text->empty())
    return Modules::not_available("only root may read /sys/firmware/dmi/tables/DMI");
  return parse_memory_modules({reinterpret_cast<const unsigned char*>(text->data()), text->size()});
}

}  // namespace oldiron
