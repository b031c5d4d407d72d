// The board, its BIOS, and what can be told of the BIOS's settings.
#include <fmt/format.h>

#include "probes/fact_reader.hpp"

namespace oldiron {
namespace {

using Text = Fact<std::string>;

/// Several files of /sys/class/dmi/id, those that there are.
Text read_ids(const FactReader& reader, const std::vector<const char*>& names) {
  const std::string folder = "/sys/class/dmi/id/";
  std::string text;
  Text last;
  for (const char* name : names)
    if ((last = reader.text(folder + name))) text += (text.empty() ? "" : " ") + *last;
  return text.empty() ? last : Text::known(text, folder);
}

Text read_node_setting(const FactReader& reader) {
  const Machine& machine = reader.machine();
  if (reader.guest()) return Text::unknown("a guest's nodes are the hypervisor's choice", "on the host: numactl -H");
  if (machine.nodes < machine.packages)
    return Text::known(fmt::format("one node over {} sockets: node interleaving", machine.packages), "hwloc");
  if (machine.nodes > machine.packages)
    return Text::known(fmt::format("{} nodes a socket: cluster on die, SNC or NPS", machine.nodes / machine.packages),
                       "hwloc");
  return Text::known("one node a socket", "hwloc");
}

}  // namespace

void read_firmware_facts(const FactReader& reader, Facts& facts) {
  facts.board = read_ids(reader, {"sys_vendor", "product_name", "board_name"});
  facts.bios = read_ids(reader, {"bios_vendor", "bios_version", "bios_date"});
  facts.node_setting = read_node_setting(reader);
  facts.snoop_mode = Text::unknown("no interface of the system tells it",
                                   reader.guest() ? "" : "in the BIOS: QPI or UPI snoop mode");
}

}  // namespace oldiron
