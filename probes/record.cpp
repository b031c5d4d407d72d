#include "probes/record.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "probes/anonymise.hpp"
#include "probes/dmi.hpp"
#include "probes/facts.hpp"
#include "probes/facts_file.hpp"
#include "probes/files.hpp"
#include "probes/identity.hpp"
#include "probes/probe_machine.hpp"
#include "probes/state.hpp"
#include "probes/topology.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

std::string from_hex(const std::string& text, const std::string& what) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    std::size_t used = 0;
    try {
      bytes.push_back(static_cast<char>(std::stoi(text.substr(i, 2), &used, 16)));
    } catch (const std::exception&) {
      used = 0;
    }
    if (used != 2) throw Error(fmt::format("{}: a table is not hexadecimal; the record is damaged", what));
  }
  return bytes;
}

/// A path of a record goes below a folder of ours, and nowhere else.
void unpack(const std::string& folder, const std::string& path, const std::string& text, const std::string& what) {
  if (!path.starts_with('/') || path.find("..") != path.npos || path.find('\0') != path.npos)
    throw Error(fmt::format("{}: {} is no path of a record", what, path));
  std::error_code error;
  fs::create_directories(fs::path(folder + path).parent_path(), error);
  if (error) throw Error(fmt::format("{}: cannot be unpacked to {} ({})", what, folder, error.message()));
  write_file(folder + path, text);
}

}  // namespace

std::string record_machine() {
  std::map<std::string, std::string> files;
  Machine machine;
  MachineState state;
  Facts facts;
  {
    const ReadLog log;
    machine = read_machine();
    state = read_state();
    facts = read_facts("/", machine);
    files = log.files();
  }
  Json tables = Json::object();
  if (const auto table = files.find(kDmiTable); table != files.end()) {
    const std::string& text = table->second;
    tables[kDmiTable] = to_hex(anonymous_table({reinterpret_cast<const unsigned char*>(text.data()), text.size()}));
    files.erase(table);
  }
  // What only root reads, and not of a file.
  if (const auto found = root_facts(machine, facts)) files[kFactsFile] = root_facts_json(*found);
  const Json json = {{"schema", 1},
                     {"machine", to_json(machine)},
                     {"state", to_json(state)},
                     {"facts", to_json(facts)},
                     {"files", anonymous_files(files, host_name())},
                     {"tables", tables},
                     {"hwloc_xml", topology_xml()}};
  return dump_json(json, 1) + "\n";
}

RecordedMachine::RecordedMachine(const std::string& path) {
  const Json json = parse_json(read_file(path), path);
  JsonReader reader(json, path);
  int schema = 0;
  std::string xml;
  reader.read("schema", schema);
  if (schema != 1) throw reader.error(fmt::format("schema {} is not known here", schema));
  seen_ = machine_from_json(reader.at("machine"));
  machine_state_from_json(reader.at("state"));
  facts_from_json(reader.at("facts"));
  reader.read("hwloc_xml", xml);
  std::string name = (fs::temp_directory_path() / "oldiron_record_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw Error(fmt::format("{}: there is no room to unpack it in {}", path, name));
  folder_ = std::shared_ptr<const std::string>(new std::string(name), [](const std::string* folder) {
    std::error_code ignored;
    fs::remove_all(*folder, ignored);
    delete folder;
  });
  unpack(*folder_, kTopologyFile, xml, path);
  for (const char* kind : {"files", "tables"}) {
    const Json& contents = reader.at(kind);
    if (!contents.is_object()) throw reader.error(fmt::format("{} must be an object of paths and contents", kind));
    for (const auto& [file, content] : contents.items()) {
      if (!content.is_string()) throw reader.error(fmt::format("{} is no text", file));
      const auto text = content.get<std::string>();
      unpack(*folder_, file, kind == std::string("tables") ? from_hex(text, path) : text, path);
    }
  }
  reader.finish();
}

Machine RecordedMachine::machine() const {
  Machine machine;
  read_identity(root(), machine);
  machine.hypervisor = seen_.hypervisor;
  machine.isas = seen_.isas;
  read_topology({TopologySource::Kind::xml_file, root() + kTopologyFile}, allowed_cpus(root()), machine);
  return machine;
}

MachineState RecordedMachine::state() const { return read_state(root()); }

Facts RecordedMachine::facts() const { return read_facts(root(), machine()); }

}  // namespace oldiron
