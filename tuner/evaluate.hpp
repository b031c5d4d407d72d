// The one callback by which the tuner gets anything run, and how it is told to stop.
#pragma once

#include <functional>

#include "core/trial.hpp"

namespace oldiron {

/// Runs a trial to its end. Failures of the trial come back as its status; an exception ends the tune.
using Evaluate = std::function<Trial(const TrialSpec&)>;

/// Thrown by an Evaluate whose trial was cut short by a signal: that trial is no result and is kept nowhere,
/// and the tune ends with what it has. Any other exception passes through.
struct StopTune {};

}  // namespace oldiron
