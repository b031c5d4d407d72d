#include "reports/launch_files.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/front_words.hpp"
#include "core/text.hpp"
#include "reports/layout.hpp"

namespace oldiron::reports {
namespace {

/// One word of a unit file: specifiers and variables are not expanded, control characters are escapes (systemd.service(5),
/// systemd.unit(5)). The program's own path knows no variables.
std::string unit_word(const std::string& word, bool has_variables) {
  std::string out = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') out += fmt::format("\\{}", c);
    else if (c == '%') out += "%%";
    else if (c == '$' && has_variables) out += "$$";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else out += c;
  }
  out += '"';
  const bool plain = out == "\"" + word + "\"" && !word.empty() && word.find_first_of(" ';#") == std::string::npos;
  return plain ? word : out;
}

/// systemd refuses a program whose path holds quotes, backslashes or control characters; env starts any.
bool may_be_program(const std::string& path) {
  return path.starts_with('/') && std::none_of(path.begin(), path.end(), [](char c) {
           return c == '"' || c == '\'' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

std::string numbers(const std::vector<int>& list) { return fmt::format("{}", fmt::join(list, " ")); }

}  // namespace

std::string launch_script(const std::vector<std::string>& argv, const std::string& about) {
  std::string script = fmt::format("#!/bin/sh\n# {}\nexec", one_line(about));
  if (!argv.empty() && count_assignments(argv) > 0) script += " env";
  for (const std::string& word : argv) script += " " + shell_quote(word);
  return script + "\n";
}

std::string launch_unit(const Service& service) {
  std::string unit = fmt::format("[Unit]\nDescription={}\nAfter=network.target\n\n[Service]\nType=exec\n", one_line(service.about));
  for (const auto& [name, value] : service.environment) unit += fmt::format("Environment={}\n", unit_word(name + "=" + value, false));
  unit += "ExecStart=";
  for (std::size_t i = 0; i < service.argv.size(); ++i) {
    if (i == 0 && !may_be_program(service.argv[0])) unit += "/usr/bin/env ";
    const bool is_path = i == 0 && may_be_program(service.argv[0]);
    unit += (i == 0 ? "" : " ") + unit_word(service.argv[i], !is_path);
  }
  unit += "\nRestart=on-failure\n";
  if (service.locks_memory) unit += "LimitMEMLOCK=infinity\n";
  if (!service.cpus.empty()) unit += fmt::format("CPUAffinity={}\n", numbers(service.cpus));
  if (!service.numa_policy.empty())
    unit += fmt::format("NUMAPolicy={}\nNUMAMask={}\n", service.numa_policy, service.numa_nodes.empty() ? "all" : numbers(service.numa_nodes));
  return unit + "\n[Install]\nWantedBy=multi-user.target\n";
}

bool locks_memory(const std::vector<std::string>& argv) {
  for (std::size_t i = 0; i < argv.size(); ++i) {
    if (argv[i] == "--mlock") return true;
    if ((argv[i] == "-lm" || argv[i] == "--load-mode") && i + 1 < argv.size() && argv[i + 1].find("mlock") != std::string::npos) return true;
  }
  return false;
}

}  // namespace oldiron::reports
