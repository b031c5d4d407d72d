// What is said of the line that the user has now, and of defaults that do not run.
#include <fmt/format.h>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {

std::string yours_text(const Report& report) {
  if (!report.yours) return "";
  const YourLine& yours = *report.yours;
  if (!yours.failure.empty()) return "yours gave no figures: " + one_line(yours.failure);
  if (!report.lossless) return "";
  const Ratio& ratio = yours.decode_ratio;
  std::string text = fmt::format("yours: {}, tuned: {}, {:.2f}x ({:.2f}–{:.2f})", rate_text(yours.decode.median), speed_text(report.lossless->decode.median),
                                 ratio.median, ratio.interval.low, ratio.interval.high);
  text += fmt::format("; a turn {} and {}", seconds_text(yours.turn_s.median), seconds_text(report.lossless->turn_s.median));
  if (yours.yours_wins) text += ": yours is faster, keep it";
  else if (!yours.answer_wins) text += ": no significant winner";
  if (yours.lossy) text += "; yours is not lossless, the tuned line is";
  return text;
}

std::string not_compared_text(const Report& report) {
  if (!report.yours || report.yours->not_compared.empty()) return "";
  std::string text;
  for (const std::string& each : report.yours->not_compared) text += (text.empty() ? "not in the comparison: " : "; ") + one_line(each);
  return text;
}

std::string stand_in_text(const Report& report) {
  if (report.stand_in.empty()) return "";
  return fmt::format("the defaults do not run ({}); the nearest that does stands for them: {}", one_line(report.default_failure), one_line(report.stand_in));
}

}  // namespace oldiron::reports
