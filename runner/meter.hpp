// Meter: anything outside a trial that can be asked for a figure while it runs, as watts or memory traffic.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/check.hpp"
#include "runner/guarded_child.hpp"

namespace oldiron {

class Meter {
 public:
  virtual ~Meter() = default;

  /// "RAPL: 2 packages and 2 DRAM".
  virtual std::string name() const = 0;

  /// Whether a reading is the mean since the last one; else it is of the time that it takes.
  virtual bool since_last() const { return false; }

  /// How long to wait between two readings.
  virtual double interval_s() const = 0;

  /// The figure of now, or in the mean since the last reading, or why there is none. May take seconds where a
  /// program is asked.
  virtual Available<double> read() = 0;
};

/// Runs a program that ends by itself; run_command(), or what a test has in its place.
using RunShort = std::function<CommandResult(const Command& command, double timeout_s)>;

/// A program that prints the figure, asked again and again, each time under a time limit.
class CommandMeter : public Meter {
 public:
  CommandMeter(std::string name, Command command, Available<double> (*parse)(std::string_view out),
               RunShort run = {});

  std::string name() const override { return name_; }

  double interval_s() const override { return 1; }

  Available<double> read() override;

 private:
  std::string name_;
  Command command_;
  Available<double> (*parse_)(std::string_view);
  RunShort run_;
};

/// The first number of a text, whatever stands before it; nothing if there is none.
std::optional<double> first_number(std::string_view text);

}  // namespace oldiron
