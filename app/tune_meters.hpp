// What is read beside the trials of a tune: watts, and the traffic of the memory controllers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/options.hpp"
#include "app/tune_record.hpp"
#include "runner/memory_traffic.hpp"
#include "runner/meter_watch.hpp"
#include "runner/power_source.hpp"

namespace oldiron {

class TuneMeters {
 public:
  /// Finds what the options ask for, reads the idle power, and notes in the record what there is or why not.
  /// `request`: of --watts and --power-command. Throws Error for a command that gives no watts.
  TuneMeters(const PowerRequest& request, bool count_traffic, TuneRecord& record);

  /// Those that read.
  const std::vector<MeterWatch*>& watches() const { return watches_; }

  /// A sample of this metric has ended.
  void mark(const std::string& metric);

 private:
  void find_power(const PowerRequest& request, TuneRecord& record);

  PowerSource power_;
  std::unique_ptr<Meter> traffic_;
  std::unique_ptr<MeterWatch> power_watch_, traffic_watch_;
  std::vector<MeterWatch*> watches_;
};

}  // namespace oldiron
