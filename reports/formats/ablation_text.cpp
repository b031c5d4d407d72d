// The ablation on the audit's screen and in its JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/text.hpp"
#include "reports/ablation.hpp"
#include "reports/layout.hpp"

namespace oldiron::reports {
namespace {

constexpr int kNameColumns = 26, kEffectColumns = 26;
constexpr int kBarColumns = kScreenColumns - 2 - kNameColumns - 14;

bool has(const Ablation& ablation, AblationMetric metric) {
  return std::any_of(ablation.steps.begin(), ablation.steps.end(), [&](const AblationStep& step) { return ablation_speed(step, metric) > 0; });
}

std::string cells(const std::string& name, const std::string& first, const std::string& second) {
  return "  " + left(fit(name, kNameColumns - 1), kNameColumns) + left(first, kEffectColumns) + second + "\n";
}

std::string step_speed_text(const AblationStep& step, AblationMetric metric) {
  const double speed = ablation_speed(step, metric);
  return speed > 0 ? rate_text(speed) + " tokens/s" : "not measured";
}

std::string table(const Audit& audit, const Ablation& ablation) {
  using enum AblationMetric;
  std::string out = cells("", "decode", "prefill");
  for (std::size_t i = 0; i < ablation.steps.size(); ++i) {
    const AblationStep& step = ablation.steps[i];
    const std::string name = one_line(step_text(audit, step));
    if (i == 0) out += cells(name, step_speed_text(step, decode), step_speed_text(step, prefill));
    else
      out += cells("+ " + name, effect_text(ablation_effect(ablation, i, i - 1, decode)), effect_text(ablation_effect(ablation, i, i - 1, prefill)));
  }
  const std::size_t last = ablation.steps.size() - 1;
  out += cells("the whole line", step_speed_text(ablation.steps[last], decode), step_speed_text(ablation.steps[last], prefill));
  return out + cells("  over bare defaults", effect_text(ablation_effect(ablation, last, 0, decode)), effect_text(ablation_effect(ablation, last, 0, prefill)));
}

/// Solid from the lower to the higher of both speeds where the difference is clear, shaded where it is not.
std::string step_bar(double from, double to, double most, bool clear) {
  const auto column = [&](double speed) { return static_cast<int>(speed / most * kBarColumns + 0.5); };
  const int low = column(std::min(from, to)), high = std::max(low + 1, column(std::max(from, to)));
  std::string out(static_cast<std::size_t>(std::min(low, kBarColumns - 1)), ' ');
  for (int i = std::min(low, kBarColumns - 1); i < std::min(high, kBarColumns); ++i) out += clear ? "█" : "░";
  return out;
}

std::string waterfall(const Audit& audit, const Ablation& ablation, AblationMetric metric) {
  double most = 0;
  for (const AblationStep& step : ablation.steps) most = std::max(most, ablation_speed(step, metric));
  if (most <= 0) return "";
  const auto row = [&](const std::string& name, const std::string& drawn, double speed) {
    return "  " + left(fit(name, kNameColumns - 1), kNameColumns) + left(drawn, kBarColumns + 2) + right(rate_text(speed), 8) + "\n";
  };
  std::string out = fmt::format("  {}, tokens/s, medians of the passes\n", metric == AblationMetric::decode ? "decode" : "prefill");
  double before = 0;
  for (std::size_t i = 0; i < ablation.steps.size(); ++i) {
    const double speed = ablation_speed(ablation.steps[i], metric);
    if (speed <= 0) continue;
    const bool clear = i == 0 || ablation_effect(ablation, i, i - 1, metric).clear;
    out += row(one_line(step_text(audit, ablation.steps[i])), step_bar(before, speed, most, clear), speed);
    before = speed;
  }
  return out + row("the whole line", step_bar(0, before, most, true), before);
}

Json effect_json(const AblationEffect& effect) {
  if (effect.pairs == 0) return nullptr;
  const auto bound = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  return {{"pairs", effect.pairs},
          {"ratio", effect.ratio.median},
          {"interval", {effect.ratio.interval.low, effect.ratio.interval.high}},
          {"joint_interval", {bound(effect.joint.low), bound(effect.joint.high)}},
          {"clear", effect.clear}};
}

Json step_json(const Audit& audit, const Ablation& ablation, std::size_t i) {
  using enum AblationMetric;
  const AblationStep& step = ablation.steps[i];
  Json flags = Json::array(), speeds = Json::array();
  for (const std::size_t row : step.rows) flags.push_back(audit.rows[row].flag.text());
  for (const AblationSpeed& each : step.speeds) speeds.push_back({{"decode", each.decode}, {"prefill", each.prefill}});
  Json json = {{"flags", flags}, {"together", step.why_together}, {"speeds", speeds}};
  json["decode"] = i == 0 ? Json(nullptr) : effect_json(ablation_effect(ablation, i, i - 1, decode));
  json["prefill"] = i == 0 ? Json(nullptr) : effect_json(ablation_effect(ablation, i, i - 1, prefill));
  return json;
}

}  // namespace

std::string ablation_text(const Audit& audit, const Ablation& ablation) {
  std::string out;
  const std::size_t passes = ablation.steps.empty() ? 0 : ablation.steps.front().speeds.size();
  if (passes > 0) {
    out += paragraph(fmt::format("what each flag does to the speed, one added to the other; {} passes, each start {}; medians of pairs taken side by side [95 %]",
                                 passes, ablation.work));
    out += table(audit, ablation) + "\n";
    out += waterfall(audit, ablation, has(ablation, AblationMetric::decode) ? AblationMetric::decode : AblationMetric::prefill) + "\n";
    out += paragraph("\"none seen within\" is no gain and no loss: what 95 % of all comparisons together leave open. Shaded: not clear.");
  }
  for (const AblationStep& step : ablation.steps)
    if (step.rows.size() > 1) out += labelled("together", one_line(fmt::format("{}: {}", step_text(audit, step), step.why_together)));
  for (const std::string& note : ablation.notes) out += labelled("note", one_line(note));
  if (!ablation.end.empty()) out += labelled("ended", one_line(ablation.end));
  return out;
}

Json ablation_json(const Audit& audit, const Ablation& ablation) {
  using enum AblationMetric;
  Json steps = Json::array();
  for (std::size_t i = 0; i < ablation.steps.size(); ++i) steps.push_back(step_json(audit, ablation, i));
  Json whole = nullptr;
  if (ablation.steps.size() > 1) {
    const std::size_t last = ablation.steps.size() - 1;
    whole = {{"decode", effect_json(ablation_effect(ablation, last, 0, decode))}, {"prefill", effect_json(ablation_effect(ablation, last, 0, prefill))}};
  }
  return {{"passes", ablation.passes}, {"starts", ablation.starts()}, {"work", ablation.work}, {"end", ablation.end},
          {"notes", ablation.notes},   {"steps", steps},              {"whole", whole}};
}

}  // namespace oldiron::reports
