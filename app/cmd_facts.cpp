#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "app/commands.hpp"
#include "core/text.hpp"
#include "probes/facts.hpp"
#include "probes/facts_file.hpp"
#include "probes/probe_machine.hpp"
#include "reports/screens.hpp"

namespace oldiron {

namespace {

void write_root_facts(const RootFacts& facts, const std::string& out) {
  const std::string path = out.empty() ? kFactsFile : out;
  if (out.empty()) {
    const auto folder = std::filesystem::path(path).parent_path();
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
      throw Error(fmt::format("the folder {} cannot be made ({}); name a file with --out", folder.string(),
                              error.message()));
  }
  write_file(path, root_facts_json(facts));
  fmt::print("\nwrote {}: later runs of any user read it\n", path);
}

}  // namespace

int cmd_facts(const Options& options) {
  reports::FactsScreen screen{.machine = read_machine(), .facts = {}};
  screen.facts = read_facts("/", screen.machine);
  if (!options.json_path.empty()) write_file(options.json_path, reports::facts_json(screen));
  fmt::print("{}", reports::facts_text(screen));
  const auto found = root_facts(screen.machine, screen.facts);
  if (geteuid() == 0 && found) write_root_facts(*found, options.out);
  if (geteuid() == 0 && !found) fmt::print("\nwrote nothing: there is nothing here that only root may read\n");
  return 0;
}

}  // namespace oldiron
