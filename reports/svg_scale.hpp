// Where the values of an axis lie in pixels, and which of them are written at it.
#pragma once

#include <string>
#include <vector>

#include "reports/chart.hpp"

namespace oldiron::reports {

/// 0, step, 2 step, … up to the first tick >= high; step is 1, 2, 2.5 or 5 times a power of ten, at most
/// `count` steps.
std::vector<double> round_ticks(double high, int count);

/// Round values from `low` to `high`, both positive, at most `count` if any such choice has two: 1, 2 and 5
/// of every power of ten, or every power of ten, or every second one, and so on; `binary`: every power of
/// two, or every second one.
std::vector<double> log_ticks(double low, double high, int count, bool binary);

/// "12 GB", "7.5", "50 ns", "32 KiB", "0" for a tick.
std::string tick_text(Quantity quantity, double value);

class AxisScale {
 public:
  /// From pixel `from` to pixel `to`, with room for `count` ticks. `values`: all that is drawn along it.
  static AxisScale linear(std::vector<double> values, double from, double to, int count);
  static AxisScale logarithmic(std::vector<double> values, double from, double to, int count, bool binary);
  /// Scale::automatic of x.
  static AxisScale at_values(std::vector<double> values, double from, double to, bool may_be_logarithmic);

  /// The pixel; of a value outside the axis the nearest end.
  double at(double value) const;

  const std::vector<double>& ticks() const { return ticks_; }

  bool is_logarithmic() const { return logarithmic_; }

 private:
  double scaled(double value) const;

  double from_ = 0, to_ = 0;   ///< pixels
  double low_ = 0, high_ = 1;  ///< values there
  std::vector<double> ticks_ = {};
  bool logarithmic_ = false;
};

}  // namespace oldiron::reports
