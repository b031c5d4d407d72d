#include "probes/fact_reader.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "probes/facts.hpp"
#include "probes/files.hpp"

namespace oldiron {

std::string FactReader::why_not(const std::string& path) const {
  const std::string whole = below(root_, path);
  if (access(whole.c_str(), F_OK) != 0) return fmt::format("there is no {}", path);
  return access(whole.c_str(), R_OK) != 0 ? fmt::format("only root may read {}", path)
                                          : fmt::format("{} says nothing that is understood", path);
}

Fact<std::string> FactReader::text(const std::string& path, const std::string& how_to_get) const {
  const auto text = read_text(below(root_, path));
  if (!text || trim(*text).empty()) return Fact<std::string>::unknown(why_not(path), how_to_get);
  return Fact<std::string>::known(std::string(trim(*text)), path);
}

Fact<std::int64_t> FactReader::number(const std::string& path, std::int64_t scale) const {
  const auto number = read_number(below(root_, path));
  if (!number) return Fact<std::int64_t>::unknown(why_not(path));
  return Fact<std::int64_t>::known(*number * scale, path);
}

Fact<bool> FactReader::flag(const std::string& path) const {
  const auto text = this->text(path);
  if (!text) return Fact<bool>::unknown(text.value.reason());
  return Fact<bool>::known((*text)[0] != '0' && (*text)[0] != 'N', path);
}

Facts read_facts(const std::string& root, const Machine& machine) {
  const FactReader reader(root, machine);
  Facts facts;
  read_cpu_facts(reader, facts);
  read_memory_facts(reader, facts);
  read_limit_facts(reader, facts);
  read_guest_facts(reader, facts);
  read_firmware_facts(reader, facts);
  return facts;
}

}  // namespace oldiron
