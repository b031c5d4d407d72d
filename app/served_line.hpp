// The answer of a tune on a foreign engine as a person starts it: through llama-server, by the printed command itself.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/engine_tune.hpp"
#include "reports/report.hpp"
#include "runner/engines/llama_server.hpp"

namespace oldiron {

/// The answer's configuration as a line for llama-server, with the address that it was started at. Its trial is in the journal, for
/// a report that is written again.
struct ServedLine {
  std::string changed = {};  ///< what the line has beside the configuration, and why
  Trial trial = {};          ///< command: the line
};

/// Where served lines are started, and what of.
struct ServeSetup {
  Available<FoundTool> server = Available<FoundTool>::not_available("no llama-server was looked for");
  std::string log_dir = {};
  std::function<std::string()> why_stop = {};
};

/// Prints the answer's line, reads it back, and starts in a fresh process what was read; measures prefill and decode there. A line of
/// llama.cpp that crashes is tried without repacking. Nothing if the tune has no answer. Throws Interrupted.
std::optional<ServedLine> serve_answer(const EngineTune& tune, const TuneRecord& record, const ServeSetup& setup, Journal& journal);

/// What that is likely to take: a load, and as many turns as a trial has.
double serving_s(const EngineTune& tune);

/// What serve_answer() gave, from the journal alone.
std::optional<ServedLine> served_before(const EngineTune& tune, const TuneRecord& record, const Journal& journal);

/// As the report shows it: confirmed if it was measured, with a finding where it is off the answer's speeds. `trials`: of the tune,
/// which show how starts differ here.
reports::FlagLine flag_line(const ServedLine& served, const Answer& answer, const std::vector<Trial>& trials);

}  // namespace oldiron
