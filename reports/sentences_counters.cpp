// What was counted while the answer decoded.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

// Beyond what refresh, page tables and other processes read beside a model.
constexpr double kDisagreement = 0.1;

const Measurement* counted(const Answer& answer, const std::string& event) {
  const auto found = std::find_if(answer.counted.begin(), answer.counted.end(),
                                  [&](const Measurement& m) { return m.name == kCounted + event; });
  return found == answer.counted.end() ? nullptr : &*found;
}

std::string count_text(double count) {
  return count >= 1e6 ? rate_text(count / 1e6) + " million" : rate_text(count);
}

std::string events_text(const Answer& answer) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  const Measurement* instructions = counted(answer, "instructions");
  const Measurement* cycles = counted(answer, "cycles");
  if (instructions != nullptr) add(count_text(instructions->median) + " instructions");
  if (cycles != nullptr) add(count_text(cycles->median) + " cycles");
  if (instructions != nullptr && cycles != nullptr && cycles->median > 0)
    text += fmt::format(" ({:.2f} instructions each)", instructions->median / cycles->median);
  for (const auto& [event, words] :
       {std::pair{"cache_misses", "cache misses"}, std::pair{"page_faults", "page faults"},
        std::pair{"context_switches", "context switches"}, std::pair{"migrations", "migrations"}})
    if (const Measurement* m = counted(answer, event))
      add(fmt::format("{} {}", count_text(m->median), words));
  return text.empty() ? text : "per decoded token " + text;
}

std::string traffic_text(const Report& report) {
  const Answer& answer = *report.lossless;
  if (!report.traffic)
    return report.traffic.reason() == "not asked for"
               ? ""
               : "memory traffic not counted: " + one_line(report.traffic.reason());
  if (answer.dram_read.samples.empty()) return "no reading of the memory traffic fell into the decode";
  const double counted = answer.dram_read.median, timed = answer.wall.bytes_per_s;
  std::string text = "the memory controllers counted " + bytes_per_s_text(counted);
  if (timed <= 0) return text;
  text += fmt::format(" where the bytes of a token over its time are {}", bytes_per_s_text(timed));
  if (std::abs(counted - timed) <= kDisagreement * timed) return text + ": they agree";
  return text + fmt::format(": {} apart, so {}", percent_text(std::abs(counted - timed) / timed),
                            counted > timed ? "more is read than the model needs, or others read too"
                                            : "caches serve a part, or the counters miss some channels");
}

}  // namespace

std::string counters_text(const Report& report) {
  if (!report.lossless) return "";
  std::string text;
  const auto add = [&](const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
  };
  add(events_text(*report.lossless));
  const std::string& reason = report.lossless->no_counters;
  if (!reason.empty()) add("cycles, instructions and cache misses not counted: " + one_line(reason));
  add(traffic_text(report));
  return text;
}

}  // namespace oldiron::reports
