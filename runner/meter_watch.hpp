// Reads a meter while a trial runs, and finds out afterwards what it said in which phase.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/trial.hpp"
#include "runner/meter.hpp"

namespace oldiron {

/// In the mean over an interval.
struct MeterReading {
  double begin_s = 0, end_s = 0, figure = 0;
};

/// A sample of a metric has ended.
struct PhaseMark {
  double time_s = 0;
  std::string metric = {};
};

/// The readings between the first and the last mark of a metric: what came before its first sample is not
/// known.
std::vector<double> figures_between(const std::vector<MeterReading>& readings,
                                    const std::vector<PhaseMark>& marks, const std::string& metric);

/// Where an engine told nothing while it ran: the ends of prompts and tokens reckoned backwards from its end,
/// as llama-bench measures first all prompts and then all generations.
std::vector<PhaseMark> reckoned_marks(const Trial& trial, double end_s);

/// A thread of its own, which sleeps between readings: no engine's clock may depend on a meter that answers
/// late.
class MeterWatch {
 public:
  /// The metrics that finish() adds, and their unit; an empty name adds none.
  MeterWatch(Meter& meter, std::string prefill_metric, std::string decode_metric, std::string unit);

  /// A trial begins: reads until finish().
  void start();

  /// A sample of this metric has ended, now.
  void mark(const std::string& metric);

  /// The trial is over: adds its metrics, as far as there are readings of a phase.
  void finish(Trial& trial);

  /// Reads for so long while nothing runs; without samples if there was no figure.
  Measurement idle(const std::string& metric, double seconds);

 private:
  void read_until_stopped(std::stop_token stop);

  Meter& meter_;
  std::string prefill_metric_, decode_metric_, unit_;
  std::vector<MeterReading> readings_;
  std::vector<PhaseMark> marks_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace oldiron
