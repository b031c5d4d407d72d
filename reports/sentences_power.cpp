// What the answer draws, and what its tokens cost.
#include <fmt/format.h>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

std::string watts_text(double watts) { return rate_text(watts) + " W"; }

std::string cost_text(const Report& report, const TurnPower& turn) {
  const Available<double> cost = cost_per_million_tokens(turn, report.tariff);
  if (!cost) return report.tariff.price_per_kwh > 0 ? "cost not available: " + cost.reason() : cost.reason();
  std::string text = fmt::format("{} per million tokens at {:g} a kWh, prompts counted", rate_text(*cost),
                                 report.tariff.price_per_kwh);
  if (report.tariff.hours_per_day < 24)
    text += fmt::format(", busy {:g} hours a day and idle the others", report.tariff.hours_per_day);
  return text;
}

}  // namespace

TurnPower turn_power(const Report& report) {
  TurnPower turn;
  if (!report.lossless) return turn;
  const Answer& answer = *report.lossless;
  turn.decode_w = answer.decode_power_w.median;
  // A prompt that was read faster than the meter ticks drew at least what decoding does.
  turn.prefill_w = answer.prefill_power_w.samples.empty() ? turn.decode_w : answer.prefill_power_w.median;
  if (report.power) turn.idle_w = report.power->idle_w.median;
  if (answer.prefill.median > 0) turn.prefill_s = report.workload.prompt_tokens / answer.prefill.median;
  if (answer.decode.median > 0) turn.decode_s = report.workload.generate_tokens / answer.decode.median;
  turn.generate_tokens = report.workload.generate_tokens;
  return turn;
}

std::string power_text(const Report& report) {
  if (!report.power) {
    const std::string& reason = report.power.reason();
    return reason == "not asked for" ? "" : "not available: " + one_line(reason);
  }
  const TurnPower turn = turn_power(report);
  if (!report.lossless || turn.decode_w <= 0) return "no reading fell into the answer's decode";
  const Answer& answer = *report.lossless;
  std::string text = watts_text(turn.decode_w) + " decoding";
  if (!answer.prefill_power_w.samples.empty())
    text += ", " + watts_text(turn.prefill_w) + " reading a prompt";
  text += turn.idle_w > 0 ? ", " + watts_text(turn.idle_w) + " idle" : "";
  text += fmt::format(" ({}{})", one_line(report.power->source),
                      report.power->whole_machine ? "" : "; not the whole machine");
  text += fmt::format("; {} J per token, {} J per turn; ", rate_text(decode_j_per_token(turn)),
                      rate_text(turn_j(turn)));
  return text + cost_text(report, turn);
}

}  // namespace oldiron::reports
