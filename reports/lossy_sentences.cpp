// What lossy settings gain and lose, in sentences.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

/// The lossy setting that lossy_text() tells: the fastest one.
std::string told_choice(const Report& report) {
  return report.lossy ? differences(report.lossy->config, without_losses(report.lossy->config, report.model)) : "";
}

}  // namespace

std::vector<std::string> lossy_choice_texts(const Report& report) {
  std::vector<std::string> texts;
  const std::string told = told_choice(report);
  for (const LossyChoice& choice : report.lossy_choices) {
    if (choice.changed == told) continue;
    std::string text = one_line(choice.changed) + ": ";
    if (choice.decode.median > 0) text += "decode " + speed_text(choice.decode.median) + ", ";
    text += choice.quality ? quality_text(*choice.quality) : "quality: " + one_line(choice.quality.reason());
    texts.push_back(text + " (not in the line)");
  }
  return texts;
}

std::string lossy_text(const Report& report) {
  if (!report.lossy) return one_line(report.lossy.reason());
  const Answer& answer = *report.lossy;
  const std::string changed =
      report.lossless ? differences(answer.config, report.lossless->config) : std::string("not compared");
  std::string text = fmt::format("{}: {} per turn, decode {}", one_line(changed),
                                 seconds_text(answer.turn_s.median), speed_text(answer.decode.median));
  if (answer.engine == Engine::oldiron && report.lossless && report.lossless->engine != Engine::oldiron)
    text += ", in oldiron's own kernels";
  text += "; quality: " + (answer.quality.empty() ? "not measured" : one_line(answer.quality));
  const auto read = [told = told_choice(report)](const LossyChoice& choice) { return choice.changed == told && choice.quality; };
  const bool known = std::any_of(report.lossy_choices.begin(), report.lossy_choices.end(), read);
  return known && !report.read_text.empty() ? text + ", read from " + one_line(report.read_text) : text;
}

}  // namespace oldiron::reports
