#include "probes/facts_file.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/json_reader.hpp"
#include "probes/dmi.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

constexpr double kSameMemory = 0.03;  // kernels and their options set a little aside, never the same

RootFacts parse(const std::string& text) {
  const Json json = parse_json(text, kFactsFile);
  JsonReader reader(json, kFactsFile);
  int schema = 0;
  RootFacts found;
  reader.read("schema", schema);
  if (schema != 1) throw reader.error(fmt::format("schema {} is not known here", schema));
  reader.read("cpu_model", found.cpu_model);
  reader.read("memory_bytes", found.memory_bytes);
  found.modules = memory_modules_from_json(reader.at("modules"));
  found.prefetchers = facts_from_json({{"prefetchers", reader.at("prefetchers")}}).prefetchers;
  reader.finish();
  return found;
}

}  // namespace

std::optional<RootFacts> root_facts(const Machine& machine, const Facts& facts) {
  RootFacts found{.cpu_model = machine.cpu_model, .memory_bytes = machine.memory_bytes};
  // What udev tells, everybody may read.
  const bool only_roots = machine.modules && machine.modules->source == kDmiTable;
  if (only_roots) found.modules = machine.modules;
  found.prefetchers = facts.prefetchers;
  if (!only_roots && !facts.prefetchers) return std::nullopt;
  return found;
}

std::string root_facts_json(const RootFacts& found) {
  Facts facts;
  facts.prefetchers = found.prefetchers;
  const Json json = {{"schema", 1},
                     {"cpu_model", found.cpu_model},
                     {"memory_bytes", found.memory_bytes},
                     {"modules", to_json(found.modules)},
                     {"prefetchers", to_json(facts)["prefetchers"]}};
  return dump_json(json, 1) + "\n";
}

Available<RootFacts> read_root_facts(const std::string& root) {
  using Found = Available<RootFacts>;
  const auto text = read_text(below(root, kFactsFile));
  if (!text) return Found::not_available(fmt::format("no {}", kFactsFile));
  RootFacts found;
  try {
    found = parse(*text);
  } catch (const Error& error) {
    return Found::not_available(fmt::format("{}: run `sudo oldiron facts` again", error.what()));
  }
  const std::string model = line_after(read_text(below(root, "/proc/cpuinfo")).value_or(""), "model name");
  const auto memory_kib = number_after(read_text(below(root, "/proc/meminfo")).value_or(""), "MemTotal");
  const double bytes = static_cast<double>(memory_kib.value_or(0)) * 1024;
  if (model != found.cpu_model || std::abs(bytes / static_cast<double>(found.memory_bytes) - 1) > kSameMemory)
    return Found::not_available(
        fmt::format("{} is of another CPU or amount of memory: run `sudo oldiron facts` again", kFactsFile));
  return found;
}

}  // namespace oldiron
