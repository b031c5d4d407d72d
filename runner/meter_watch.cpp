#include "runner/meter_watch.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "core/clock.hpp"

namespace oldiron {
namespace {

// An engine frees its memory after the last sample: as much of the reckoned time of a phase is left out at
// its end.
constexpr double kEndShare = 0.1;

double phase_s(const Trial& trial, const char* metric, int tokens) {
  const Measurement* rates = trial.find(metric);
  double seconds = 0;
  if (rates != nullptr)
    for (const double rate : rates->samples) seconds += rate > 0 ? tokens / rate : 0;
  return seconds;
}

}  // namespace

std::vector<double> figures_between(const std::vector<MeterReading>& readings,
                                    const std::vector<PhaseMark>& marks, const std::string& metric) {
  std::vector<double> figures;
  for (const MeterReading& reading : readings) {
    // Inside a run of marks of this metric, with no other's between them.
    const PhaseMark* before = nullptr;
    const PhaseMark* after = nullptr;
    for (const PhaseMark& mark : marks) {
      if (mark.time_s <= reading.begin_s) before = &mark;
      if (mark.time_s >= reading.end_s && after == nullptr) after = &mark;
    }
    const bool inside =
        before != nullptr && after != nullptr && before->metric == metric && after->metric == metric &&
        std::none_of(before, after, [&](const PhaseMark& mark) { return mark.metric != metric; });
    if (inside) figures.push_back(reading.figure);
  }
  return figures;
}

std::vector<PhaseMark> reckoned_marks(const Trial& trial, double end_s) {
  const double decode_s = phase_s(trial, kDecode, trial.spec.workload.generate_tokens);
  const double prefill_s = phase_s(trial, kPrefill, trial.spec.workload.prompt_tokens);
  std::vector<PhaseMark> marks;
  double end = end_s;
  const auto add = [&](double seconds, const char* metric) {
    if (seconds <= 0) return;
    const double last_s = end - kEndShare * seconds;
    end -= seconds;
    marks.insert(marks.begin(), {{.time_s = end, .metric = metric}, {.time_s = last_s, .metric = metric}});
  };
  add(decode_s, kDecode);
  add(prefill_s, kPrefill);
  return marks;
}

MeterWatch::MeterWatch(Meter& meter, std::string prefill_metric, std::string decode_metric, std::string unit)
    : meter_(meter),
      prefill_metric_(std::move(prefill_metric)),
      decode_metric_(std::move(decode_metric)),
      unit_(std::move(unit)) {}

void MeterWatch::read_until_stopped(std::stop_token stop) {
  double begin_s = now_s();
  (void)meter_.read();  // a counter's mean since the last trial is none of this one's
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, std::chrono::duration<double>(meter_.interval_s()), [] { return false; });
    }
    if (stop.stop_requested()) return;
    try {
      if (!meter_.since_last()) begin_s = now_s();
      const Available<double> figure = meter_.read();
      const double end_s = now_s();
      const std::lock_guard lock(mutex_);
      if (figure) readings_.push_back({.begin_s = begin_s, .end_s = end_s, .figure = *figure});
      begin_s = end_s;
    } catch (const std::exception&) {
      return;  // the command is being interrupted, of which the main thread learns by itself
    }
  }
}

void MeterWatch::start() {
  readings_.clear();
  marks_.clear();
  thread_ = std::jthread([this](std::stop_token stop) { read_until_stopped(std::move(stop)); });
}

void MeterWatch::mark(const std::string& metric) {
  const std::lock_guard lock(mutex_);
  marks_.push_back({.time_s = now_s(), .metric = metric});
}

void MeterWatch::finish(Trial& trial) {
  const double end_s = now_s();
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  if (marks_.empty()) marks_ = reckoned_marks(trial, end_s);
  for (const auto& [phase, name] : {std::pair{kPrefill, prefill_metric_}, std::pair{kDecode, decode_metric_}})
    if (std::vector<double> figures = figures_between(readings_, marks_, phase);
        !name.empty() && !figures.empty())
      trial.measurements.push_back(average(name, unit_, std::move(figures)));
}

Measurement MeterWatch::idle(const std::string& metric, double seconds) {
  start();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  thread_.request_stop();
  thread_.join();
  std::vector<double> figures;
  for (const MeterReading& reading : readings_) figures.push_back(reading.figure);
  return figures.empty() ? Measurement{.name = metric, .unit = unit_}
                         : average(metric, unit_, std::move(figures));
}

}  // namespace oldiron
