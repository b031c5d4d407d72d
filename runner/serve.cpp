// The child's side of the worker: reads specs, writes trials, and turns every exception into a result.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <istream>
#include <new>
#include <nlohmann/json.hpp>
#include <ostream>

#include "core/clock.hpp"
#include "core/json.hpp"
#include "runner/worker.hpp"

namespace oldiron {
namespace {

void say(std::ostream& out, const Json& json) { out << dump_json(json) << std::endl; }

Json to_json(const WorkerEvent& event) {
  if (event.event == "ready") return {{"event", event.event}, {"pid", event.pid}};
  if (event.event == "loaded") return {{"event", event.event}, {"seconds", event.seconds}};
  if (event.event == "sample") return {{"event", event.event}, {"name", event.name}, {"value", event.value}};
  return {{"event", event.event}};
}

/// A trial whose numbers can be believed and written: JSON knows no NaN.
void refuse_non_finite(Trial& trial) {
  for (const auto& measurement : trial.measurements)
    for (const double sample : measurement.samples)
      if (!std::isfinite(sample)) {
        trial.status = Status::failed;
        trial.reason = fmt::format("{} came out as {}, which is no speed", measurement.name, sample);
        trial.measurements.clear();
        return;
      }
}

Trial result_of(const RunTrial& run, const TrialSpec& spec, const Tell& tell) {
  Trial trial;
  try {
    trial = run(spec, tell);
    refuse_non_finite(trial);
  } catch (const Unsupported& refusal) {
    trial.status = Status::unsupported;
    trial.reason = refusal.what();
  } catch (const std::bad_alloc&) {
    trial.status = Status::failed;
    trial.reason = "memory ran out";
  } catch (const std::exception& error) {
    trial.status = Status::failed;
    trial.reason = error.what();
  }
  trial.spec = spec;
  return trial;
}

}  // namespace

int serve(std::istream& in, std::ostream& out, const RunTrial& run) {
  const double started_s = now_s();
  const Tell tell = [&](const WorkerEvent& event) { say(out, to_json(event)); };
  tell({.event = "ready", .pid = static_cast<int>(getpid())});
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    Trial trial;
    const double trial_started_s = now_s();
    const std::string started = utc_now();
    try {
      trial = result_of(run, trial_spec_from_json(parse_json(line, "the trial's specification")), tell);
    } catch (const std::exception& error) {
      trial.reason = error.what();  // a line that is no specification; the status is failed from the start
    }
    Provenance& provenance = trial.provenance;
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    if (provenance.peak_rss_bytes == 0) provenance.peak_rss_bytes = usage.ru_maxrss * 1024;
    if (provenance.started.empty()) provenance.started = started;
    if (provenance.wall_s <= 0) provenance.wall_s = now_s() - trial_started_s;
    if (provenance.worker_age_s <= 0) provenance.worker_age_s = now_s() - started_s;
    say(out, to_json(trial));
  }
  return 0;
}

}  // namespace oldiron
