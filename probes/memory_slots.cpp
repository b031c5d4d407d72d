#include "probes/memory_slots.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>
#include <set>
#include <utility>

namespace oldiron {
namespace {

using Modules = Available<MemoryModules>;

// A DDR channel drives three modules at most (two since DDR4-2933).
constexpr int kModulesPerChannel = 3;
constexpr int kChannelWidth_bits = 64;

std::string upper(std::string text) {
  for (char& letter : text) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return text;
}

/// "P1" of "P1-DIMMA2", "CPU0" of "CPU0_DIMM_B1", or "".
std::string socket_of(const std::string& label) {
  static const std::regex kSocket("(?:^|[^A-Z])(?:PROCESSOR|PROC|SOCKET|CPU|P)[ _]*([0-9]+)");
  std::smatch found;
  return std::regex_search(label, found, kSocket) ? "P" + found[1].str() : "";
}

/// The label up to the channel's name ("P0_NODE1_CHANNEL2"), or "".
std::string spelled_channel(const std::string& label) {
  static const std::regex kChannel("^.*CHANNEL[^A-Z0-9]*[A-Z0-9]");
  std::smatch found;
  return std::regex_search(label, found, kChannel) ? found[0].str() : "";
}

/// The letter of "DIMM_A1", "DIMMA1", "DDR4_A1" or "A1"; 0 if there is none.
char slot_letter(const std::string& label) {
  static const std::regex kLettered("(?:^|DIMM|[^A-Z0-9])[ _-]*([A-Z])[ _-]?[0-9]$");
  std::smatch found;
  return std::regex_search(label, found, kLettered) ? found[1].str()[0] : '\0';
}

std::string lettered(const MemoryModule& module) {
  const std::string slot = upper(module.slot);
  const char letter = slot_letter(slot);
  if (letter == '\0') return "";
  const std::string socket = socket_of(slot).empty() ? socket_of(upper(module.bank)) : socket_of(slot);
  return socket.empty() ? std::string(1, letter) : socket + " " + letter;
}

std::string spelled(const MemoryModule& module) {
  const std::string slot = upper(module.slot), bank = upper(module.bank);
  for (const auto& [label, other] : {std::pair(slot, bank), std::pair(bank, slot)})
    if (const std::string channel = spelled_channel(label); !channel.empty())
      return socket_of(label).empty() && !socket_of(other).empty() ? socket_of(other) + " " + channel : channel;
  return "";
}

/// The least of what is known.
double slowest(const std::vector<MemoryModule>& table, double MemoryModule::* speed) {
  double least = 0;
  for (const MemoryModule& module : table)
    if (module.*speed > 0) least = least > 0 ? std::min(least, module.*speed) : module.*speed;
  return least;
}

}  // namespace

void name_channels(std::vector<MemoryModule>& table) {
  for (const auto name : {lettered, spelled}) {
    std::map<std::string, int> slots;
    for (MemoryModule& module : table) ++slots[module.channel = name(module)];
    const bool fits = std::all_of(slots.begin(), slots.end(),
                                  [](const auto& channel) { return channel.second <= kModulesPerChannel; });
    if (fits && slots.count("") == 0) return;
  }
  for (MemoryModule& module : table) module.channel.clear();
}

Modules sum_up(std::vector<MemoryModule> table, const std::string& source) {
  MemoryModules modules;
  modules.source = source;
  std::set<std::string> filled, all;
  int width_bits = kChannelWidth_bits;
  for (const MemoryModule& module : table) {
    all.insert(module.channel);
    if (module.bytes == 0) continue;
    ++modules.populated;
    filled.insert(module.channel);
    if (modules.type.empty()) modules.type = module.type;
    if (module.width_bits > 0) width_bits = module.width_bits;
  }
  modules.slots = static_cast<int>(table.size());
  modules.transfers_per_s = slowest(table, &MemoryModule::transfers_per_s);
  modules.rated_transfers_per_s = slowest(table, &MemoryModule::rated_transfers_per_s);
  if (modules.transfers_per_s == 0) modules.transfers_per_s = modules.rated_transfers_per_s;
  modules.table = std::move(table);
  if (modules.slots == 0) return Modules::not_available("the firmware's table lists no memory modules");
  if (modules.type.empty() || modules.transfers_per_s == 0)
    return Modules::not_available(
        "the firmware's table names neither type nor speed (usual on virtual machines)");
  // Two modules of one channel share its wires. Without names of channels the peak stays unknown rather than
  // wrong.
  if (all.count("") != 0) return modules;
  modules.channels = static_cast<int>(filled.size());
  modules.all_channels = static_cast<int>(all.size());
  const double channel_bytes_per_s = modules.transfers_per_s * width_bits / 8;
  modules.bytes_per_s = channel_bytes_per_s * modules.channels;
  modules.full_bytes_per_s = channel_bytes_per_s * modules.all_channels;
  return modules;
}

}  // namespace oldiron
