#include "app/write_probe.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "core/text.hpp"
#include "reports/probe_charts.hpp"
#include "reports/svg.hpp"

namespace oldiron {

std::vector<std::string> write_probe(const reports::ProbeScreen& screen, const std::string& dir) {
  write_file(dir + "/probe.json", reports::probe_json(screen));
  write_file(dir + "/probe.txt", reports::probe_text(screen));
  std::vector<std::string> missing;
  for (const reports::ProbeChart& chart : reports::probe_charts()) {
    const std::string path = dir + "/" + std::string(chart.file_name);
    const Available<reports::Chart> drawn = chart.draw(screen);
    if (drawn) {
      write_file(path, reports::svg(*drawn));
      continue;
    }
    missing.push_back(fmt::format("no {}: {}", chart.file_name, drawn.reason()));
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  return missing;
}

}  // namespace oldiron
