// The screen of `oldiron engines`: who is there, which tools run, and what to do where none does.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/text.hpp"
#include "reports/engines_screen.hpp"
#include "reports/layout.hpp"

namespace oldiron::reports {
namespace {

bool any_runs(const EnginesScreen& screen) {
  return std::any_of(screen.builds.begin(), screen.builds.end(), [](const EngineBuild& build) { return static_cast<bool>(build.engine); });
}

std::string who(const EngineBuild& build) {
  if (!build.engine) return "no engine: " + build.engine.reason();
  const std::string name(display_name(*build.engine));
  if (build.number == 0) return name + ", build not told";
  return fmt::format("{} {}{}", name, build.number, build.commit.empty() ? "" : " (" + build.commit + ")");
}

std::string build_text(const EngineBuild& build, const Machine& machine) {
  std::string out = one_line(build.folder) + "\n";
  out += labelled("engine", one_line(who(build)));
  out += labelled("built for", build.features ? one_line(list_text(*build.features, "and")) : "not known: " + build.features.reason());
  std::vector<std::string> run;
  for (const EngineTool& tool : build.tools)
    if (tool.refusal.empty()) run.push_back(glued(fmt::format("{} ({} spellings)", tool.name, tool.flags.size())));
  if (!run.empty()) out += labelled("tools", list_text(run, "and"));
  for (const EngineTool& tool : build.tools)
    if (!tool.refusal.empty()) out += labelled("broken", one_line(tool.refusal));
  for (const std::string& finding : build_findings(build, machine)) out += labelled("finding", one_line(finding));
  return out + "\n";
}

/// Lines for a shell are not broken, so that they can be copied.
std::string advice_text(const Machine& machine) {
  std::string out = paragraph("To build one here (nothing of this was run):") + "\n";
  for (const BuildAdvice& advice : build_advice(machine)) {
    out += paragraph(fmt::format("{}: {}", display_name(advice.engine), advice.why));
    for (const std::string& line : advice.lines) out += "  " + line + "\n";
    out += "\n";
  }
  out += labelled("GGML_NATIVE", "builds for the CPU that builds: on another machine the binary may die of an illegal instruction");
  return out;
}

}  // namespace

std::string engines_text(const EnginesScreen& screen) {
  const std::string where = screen.where.empty() ? "the folders of PATH" : one_line(screen.where);
  std::string out;
  for (const EngineBuild& build : screen.builds) out += build_text(build, screen.machine);
  if (screen.builds.empty()) out += paragraph(fmt::format("No tool of llama.cpp or ik_llama.cpp in {}.", where)) + "\n";
  if (any_runs(screen)) return out + labelled("next", fmt::format("--engine {} of tune and audit; --json lists the spellings of each tool", shell_quote(screen.builds.front().folder)));
  return out + advice_text(screen.machine);
}

std::string engines_json(const EnginesScreen& screen) {
  Json builds = Json::array(), advice = Json::array();
  for (const EngineBuild& build : screen.builds) {
    Json tools = Json::array();
    for (const EngineTool& tool : build.tools)
      tools.push_back({{"name", tool.name}, {"path", tool.path}, {"refusal", tool.refusal}, {"flags", tool.flags}});
    builds.push_back({{"folder", build.folder},
                      {"engine", build.engine ? Json(to_string(*build.engine)) : Json(nullptr)},
                      {"build", build.number},
                      {"commit", build.commit},
                      {"features", build.features ? Json(*build.features) : Json(nullptr)},
                      {"tools", tools},
                      {"findings", build_findings(build, screen.machine)}});
  }
  if (!any_runs(screen))
    for (const BuildAdvice& each : build_advice(screen.machine))
      advice.push_back({{"engine", to_string(each.engine)}, {"why", each.why}, {"lines", each.lines}});
  return dump_json({{"schema", 1}, {"builds", builds}, {"advice", advice}}, 1) + "\n";
}

}  // namespace oldiron::reports
