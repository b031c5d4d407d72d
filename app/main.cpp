// The program's entry: picks the command, catches Error once, and turns results into exit codes.
#include <cstdio>
#include <exception>
#include <map>

#include "app/commands.hpp"
#include "core/check.hpp"
#include "runner/signals.hpp"

int main(int argc, char** argv) {
  using namespace oldiron;
  static const std::map<std::string, int (*)(const Options&)> kCommands = {
      {"probe", cmd_probe}, {"facts", cmd_facts}, {"doctor", cmd_doctor}, {"record", cmd_record}, {"model", cmd_model},   {"tune", cmd_tune},   {"report", cmd_report},
      {"synth", cmd_synth}, {"logits", cmd_logits}, {"generate", cmd_generate},
      {"quality", cmd_quality}, {"audit", cmd_audit}, {"engines", cmd_engines}, {"endpoint", cmd_endpoint}, {"trial", cmd_trial}, {"guard", cmd_guard}};
  try {
    const Options options = parse_command_line(argc, argv);
    return options.command.empty() ? 0 : kCommands.at(options.command)(options);
  } catch (const Interrupted&) {
    return kExitInterrupted;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "oldiron: %s\n", error.what());
    return 2;
  }
}
