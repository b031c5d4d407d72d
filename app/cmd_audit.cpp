// `oldiron audit`: what each flag of a copied command line does here.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "app/commands.hpp"
#include "core/audit/audit.hpp"
#include "core/audit/line_findings.hpp"
#include "core/text.hpp"
#include "probes/facts.hpp"
#include "probes/probe_machine.hpp"
#include "probes/state.hpp"
#include "reports/ablation.hpp"
#include "reports/audit_screen.hpp"
#include "reports/layout.hpp"
#include "reports/svg.hpp"
#include "runner/audit/ablate.hpp"
#include "runner/audit/rewrite.hpp"
#include "runner/audit/run_audit.hpp"
#include "runner/signals.hpp"

namespace oldiron {
namespace {

/// The value of -m, wherever it stands.
std::string model_of_line(const PastedLine& line) {
  for (std::size_t i = 0; i + 1 < line.arguments.size(); ++i)
    if (line.arguments[i] == "-m" || line.arguments[i] == "--model") return line.arguments[i + 1];
  return "";
}

ModelRequest request(const std::string& model) {
  ModelRequest request;
  request.model = model;
  return request;
}

/// --model says it; else the line's own file, if it is here; else the card whose name that file has.
void find_model(const Options& options, PastedLine& line, AuditSurroundings& around) {
  if (!options.model.model.empty()) {
    around.model = describe_model(options.model, cards_dir());
    return;
  }
  const std::string path = model_of_line(line);
  std::error_code ignored;
  if (path.empty()) return;
  if (std::filesystem::is_regular_file(path, ignored)) {
    try {
      around.model = describe_model(request(path), cards_dir());
    } catch (const Error& error) {
      line.notes.push_back(fmt::format("its model was not read: {}", error.what()));
    }
    return;
  }
  const std::string file = lower(std::filesystem::path(path).filename().string());
  std::string best;
  for (const std::string& name : card_names(cards_dir()))
    if (file.starts_with(name) && name.size() > best.size()) best = name;
  if (best.empty()) return;
  around.model = describe_model(request(best), cards_dir());
  line.notes.push_back(fmt::format("the model is not here; its shapes are those of {}, by its file's name", best));
}

bool is_model_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

/// Nothing if the line was not run, or no ablation is asked for.
std::optional<Ablation> run(Audit& audit, const AuditTool& tool, const std::string& model, const AuditSurroundings& around, const Options& options) {
  if (!can_be_run(audit.line.tool)) {
    audit.run_end = fmt::format("{} is not run by an audit, only llama-cli, llama-server and llama-bench are; the verdicts are those of the records",
                                audit.line.tool);
    return {};
  }
  if (!is_model_file(model))
    throw Error(fmt::format("--engine runs the line, and its model {} is not here; name one with --model FILE", model.empty() ? "has no name and" : model));
  install_interrupt_handlers();
  fmt::print(stderr, "running {} on a short workload ...\n", audit.line.tool);
  // A disk of 50 MB/s, and two minutes for everything else.
  const double timeout_s = 120 + (around.model ? static_cast<double>(around.model->bytes()) / 50e6 : 0);
  const AuditRun settings{.model = std::filesystem::absolute(model).string(),
                          .usable_memory_bytes = around.usable_memory_bytes,
                          .spec = around.model ? &*around.model : nullptr,
                          .timeout_s = timeout_s};
  const AuditRan ran = run_audit(audit, tool, settings);
  if (!options.ablate || !ran.worked) return {};
  Ablation ablation = ablate(audit, tool, settings, ran, options.passes, [](const std::vector<std::string>& lines) {
    for (const std::string& line : lines) fmt::print(stderr, "{}\n", reports::one_line(line));
  });
  tell_ablation(audit, ablation);
  return ablation;
}

void write_waterfall(const Audit& audit, const Ablation& ablation, const std::string& dir) {
  const Available<reports::Chart> chart = reports::ablation_chart(audit, ablation);
  if (!chart) return fmt::print("no waterfall: {}\n", chart.reason());
  const std::string path = dir + "/waterfall.svg";
  write_file(path, reports::svg(*chart));
  fmt::print("the waterfall: {}\n", path);
}

}  // namespace

int cmd_audit(const Options& options) {
  if (options.ablate && options.engine_dir.empty()) throw Error("--ablate measures, so it needs an engine: --engine DIR");
  if (!options.out.empty()) make_out_dir(options.out);
  PastedLine line = read_pasted_line(options.rest);
  AuditSurroundings around{.machine = read_machine(), .root = geteuid() == 0};
  around.facts = read_facts("/", around.machine);
  around.usable_memory_bytes = usable_memory_bytes(read_state());
  find_model(options, line, around);
  std::optional<AuditTool> tool;
  if (!options.engine_dir.empty()) tool = find_tool(options.engine_dir, line.tool);
  if (tool) {
    around.engine = tool->engine;
    around.build = tool->build;
  }
  const std::string model = is_model_file(options.model.model) ? options.model.model : model_of_line(line);
  Audit audit = judge(std::move(line), around);
  std::optional<Ablation> ablation;
  if (tool) {
    audit.version = tool->version;
    ablation = run(audit, *tool, model, around, options);
  }
  const Ablation* const measured = ablation ? &*ablation : nullptr;
  if (!options.json_path.empty()) write_file(options.json_path, reports::audit_json(audit, measured));
  fmt::print("{}", reports::audit_text(audit, measured));
  if (measured != nullptr && !options.out.empty()) write_waterfall(audit, *measured, options.out);
  return interrupted() ? kExitInterrupted : 0;
}

}  // namespace oldiron
