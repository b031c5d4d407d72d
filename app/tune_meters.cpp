#include "app/tune_meters.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace oldiron {

namespace {

// Some ticks of the slowest meters.
constexpr double kIdle_s = 4;

}  // namespace

TuneMeters::TuneMeters(const PowerRequest& request, bool count_traffic, TuneRecord& record) {
  find_power(request, record);
  if (!count_traffic) return;
  auto traffic = find_memory_traffic();
  if (!traffic) {
    record.traffic = Available<std::string>::not_available(traffic.reason());
    return;
  }
  record.traffic = (*traffic)->name();
  traffic_ = std::move(*traffic);
  traffic_watch_ = std::make_unique<MeterWatch>(*traffic_, "", kDramRead, "bytes/s");
  watches_.push_back(traffic_watch_.get());
}

void TuneMeters::find_power(const PowerRequest& request, TuneRecord& record) {
  Available<PowerSource> source = find_power_source(request);
  if (!source) {
    record.power = Available<PowerMeter>::not_available(source.reason());
    return;
  }
  power_ = std::move(*source);
  power_watch_ = std::make_unique<MeterWatch>(*power_.meter, kPrefillPower, kDecodePower, "W");
  watches_.push_back(power_watch_.get());
  PowerMeter meter{.source = power_.meter->name(), .whole_machine = power_.whole_machine};
  if (request.idle_w > 0) {
    meter.idle_w = average("idle_power_w", "W", {request.idle_w});
  } else if (request.loaded_w <= 0) {
    fmt::print(stderr, "reading the power of the idle machine\n");
    meter.idle_w = power_watch_->idle("idle_power_w", kIdle_s);
  }
  record.power = meter;
}

void TuneMeters::mark(const std::string& metric) {
  for (MeterWatch* watch : watches_) watch->mark(metric);
}

}  // namespace oldiron
