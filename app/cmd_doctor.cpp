#include <fmt/format.h>
#include <unistd.h>

#include "app/commands.hpp"
#include "app/huge_page_effect.hpp"
#include "core/text.hpp"
#include "probes/doctor/process_doctor.hpp"
#include "probes/facts.hpp"
#include "probes/probe_machine.hpp"
#include "probes/process_facts.hpp"
#include "probes/record.hpp"
#include "probes/state.hpp"
#include "reports/doctor_screen.hpp"

namespace oldiron {

namespace {

constexpr double kWatch_s = 1;

/// What the process does, before what is wrong with it.
std::string process_text(const ProcessFacts& p) {
  const auto bytes = [](std::int64_t count) { return bytes_text(static_cast<double>(count)); };
  std::string text = fmt::format("{} ({}): {} resident, {} swapped, {} locked; {} threads, {} busy, {:.2f} CPUs' worth; "
                                 "{} major faults, {:.0f} a second now",
                                 p.name, p.pid, bytes(p.resident_bytes), bytes(p.swapped_bytes), bytes(p.locked_bytes),
                                 p.threads.size(), p.busy_threads(), p.busy(), p.major_faults, p.major_faults_per_s);
  if (p.model) text += fmt::format("; maps {}: {} of {} resident", p.model->path, bytes(p.model->resident_bytes), bytes(p.model->bytes));
  if (p.huge_page_bytes) text += fmt::format("; {} in huge pages", bytes(*p.huge_page_bytes));
  if (p.node_bytes)
    for (std::size_t node = 0; node < p.node_bytes->size(); ++node)
      text += fmt::format("{} {} on node {}", node == 0 ? ";" : ",", bytes((*p.node_bytes)[node]), node);
  return text;
}

Patient this_machine() {
  Patient patient{.machine = read_machine(), .state = read_state("/", kWatch_s)};
  patient.facts = read_facts("/", patient.machine);
  patient.root = geteuid() == 0;
  return patient;
}

Patient recorded(const std::string& path) {
  const RecordedMachine record(path);
  return {.machine = record.machine(), .state = record.state(), .facts = record.facts()};
}

}  // namespace

int cmd_doctor(const Options& options) {
  if (!options.machine.empty() && (options.measure || options.pid != 0))
    throw Error("--machine: a recorded machine cannot be measured, and has no processes; leave --measure and --pid out");
  Patient patient = options.machine.empty() ? this_machine() : recorded(options.machine);
  reports::DoctorScreen screen;
  if (options.measure) {
    patient.huge_pages =
        measure_huge_pages(options.model, [](const std::string& text) { fmt::print(stderr, "{}\n", text); });
    screen.decode_tokens_per_s = patient.huge_pages->small_tokens_per_s;
    screen.notes = patient.huge_pages->tags;
  }
  if (options.pid != 0) {
    const ProcessFacts process = read_process(options.pid, "/", kWatch_s);
    screen.subject = process_text(process);
    screen.diagnosis = diagnose_process(process, patient);
  } else {
    screen.diagnosis = diagnose(patient);
  }
  if (!options.json_path.empty()) write_file(options.json_path, reports::doctor_json(screen));
  fmt::print("{}", reports::doctor_text(screen));
  return 0;
}

}  // namespace oldiron
