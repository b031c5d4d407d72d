#include "core/audit/ablation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

constexpr std::size_t kFewestPairs = 4;
constexpr double kError = 0.05;  // of all comparisons together

bool is_idle(FlagVerdict verdict) {
  switch (verdict) {
    case FlagVerdict::echoed_only:
    case FlagVerdict::inert:
    case FlagVerdict::not_applicable:
    case FlagVerdict::default_anyway:
    case FlagVerdict::declined:
      return true;
    default:
      return false;
  }
}

/// Whether a row has a case by which it is idle or fatal without the other, or is cut to the other's value.
bool needs(const FlagRow& row, const FlagRow& other) {
  if (row.flag.record == nullptr || other.flag.record == nullptr) return false;
  for (const Case& each : row.flag.record->cases) {
    const bool fails = is_idle(each.verdict) || each.verdict == FlagVerdict::rejected;
    for (const Condition& when : each.when) {
      const bool about = (when.kind == Condition::Kind::without && fails) || when.kind == Condition::Kind::above_flag || when.kind == Condition::Kind::below_flag;
      if (!about) continue;
      std::string_view words = when.words;
      while (!words.empty()) {
        const std::string_view word = words.substr(0, words.find(' '));
        if (other.flag.record->spells(word.substr(0, word.find('=')))) return true;
        words.remove_prefix(std::min(words.size(), word.size() + 1));
      }
    }
  }
  return false;
}

/// P(T <= t) of Student's distribution. Source: Abramowitz & Stegun 26.7.3 and 26.7.4, exact for whole degrees of freedom.
double student_below(double t, std::size_t freedom) {
  const double angle = std::atan(t / std::sqrt(static_cast<double>(freedom)));
  const double cosine = std::cos(angle), sine = std::sin(angle);
  const bool odd = freedom % 2 == 1;
  double term = odd ? cosine : 1, sum = freedom == 1 ? 0 : term;
  for (std::size_t k = odd ? 3 : 2; k + 2 <= freedom; k += 2) {
    term *= cosine * cosine * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  constexpr double kPi = 3.14159265358979323846;
  const double within = odd ? 2 / kPi * (angle + sine * sum) : sine * sum;
  return 0.5 + within / 2;
}

double student_quantile(double below, std::size_t freedom) {
  double low = 0, high = 1;
  while (student_below(high, freedom) < below && high < 1e9) high *= 2;
  for (int i = 0; i < 80; ++i) {
    const double middle = (low + high) / 2;
    (student_below(middle, freedom) < below ? low : high) = middle;
  }
  return high;
}

/// Of the mean of the ratios' logarithms, as a ratio; `tests`: comparisons that share the error (Bonferroni).
Interval joint_interval(const std::vector<double>& ratios, std::size_t tests) {
  std::vector<double> logs;
  for (const double ratio : ratios) logs.push_back(std::log(ratio));
  const double centre = mean(logs);
  if (logs.size() < 2) return {0, HUGE_VAL};
  double squares = 0;
  for (const double x : logs) squares += (x - centre) * (x - centre);
  const std::size_t freedom = logs.size() - 1;
  const double error = std::sqrt(squares / static_cast<double>(freedom) / static_cast<double>(logs.size()));
  const double half = error * student_quantile(1 - kError / 2 / static_cast<double>(std::max<std::size_t>(1, tests)), freedom);
  return {std::exp(centre - half), std::exp(centre + half)};
}

double of(const AblationSpeed& speed, AblationMetric metric) { return metric == AblationMetric::decode ? speed.decode : speed.prefill; }

std::string signed_percent(double ratio) {
  const double percent = 100 * (ratio - 1);
  return std::abs(percent) < 9.95 ? fmt::format("{:+.1f}", percent) : fmt::format("{:+.0f}", percent);
}

bool one_side(const Interval& interval) { return interval.low > 1 || interval.high < 1; }

/// Joins rows that need each other: for each row the first of those that it belongs to.
std::vector<std::size_t> groups_of(const Audit& audit, const std::vector<std::size_t>& rows) {
  std::vector<std::size_t> group(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) group[i] = i;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < rows.size(); ++j) {
      if (i == j || group[i] == group[j] || !needs(audit.rows[rows[i]], audit.rows[rows[j]])) continue;
      const std::size_t first = std::min(group[i], group[j]), second = std::max(group[i], group[j]);
      std::replace(group.begin(), group.end(), second, first);
    }
  return group;
}

}  // namespace

Ablation plan_ablation(const Audit& audit, const std::vector<std::size_t>& rows_in_command) {
  Ablation plan;
  plan.steps.emplace_back();
  std::vector<std::size_t> acting;
  AblationStep idle{.idle = true};
  std::vector<std::string> kept;
  for (const std::size_t i : rows_in_command) {
    const FlagRow& row = audit.rows[i];
    const bool context = row.flag.record != nullptr && row.flag.record->spells("-c");
    if (context || row.verdict == FlagVerdict::not_speed) kept.push_back(row.flag.text());
    else if (is_idle(row.verdict)) idle.rows.push_back(i);
    else acting.push_back(i);
  }
  if (!kept.empty()) plan.notes.push_back(fmt::format("in every run, as the context and what is not about speed: {}", list_text(kept, "and")));
  const std::vector<std::size_t> group = groups_of(audit, acting);
  for (std::size_t first = 0; first < acting.size(); ++first) {
    if (group[first] != first) continue;
    AblationStep step;
    for (std::size_t i = first; i < acting.size(); ++i)
      if (group[i] == first) step.rows.push_back(acting[i]);
    if (step.rows.size() > 1) step.why_together = "they depend on each other";
    plan.steps.push_back(std::move(step));
  }
  if (!idle.rows.empty()) {
    if (idle.rows.size() > 1) idle.why_together = "the records hold them for idle";
    plan.steps.push_back(std::move(idle));
  }
  return plan;
}

AblationEffect ablation_effect(const Ablation& ablation, std::size_t of_step, std::size_t over_step, AblationMetric metric) {
  const AblationStep &one = ablation.steps[of_step], &other = ablation.steps[over_step];
  std::vector<double> a, b, ratios;
  for (std::size_t pass = 0; pass < std::min(one.speeds.size(), other.speeds.size()); ++pass) {
    const double x = of(one.speeds[pass], metric), y = of(other.speeds[pass], metric);
    if (x <= 0 || y <= 0) continue;
    a.push_back(x);
    b.push_back(y);
    ratios.push_back(x / y);
  }
  AblationEffect effect{.pairs = ratios.size()};
  if (ratios.empty()) return effect;
  effect.ratio = paired_ratio(a, b);
  const std::size_t tests = 2 * ablation.steps.size();  // both speeds, of every step over the one before, and of the whole line
  effect.joint = joint_interval(ratios, tests);
  effect.clear = ratios.size() >= kFewestPairs && one_side(effect.joint) && one_side(effect.ratio.interval) &&
                 (effect.joint.low > 1) == (effect.ratio.interval.low > 1);
  return effect;
}

double ablation_speed(const AblationStep& step, AblationMetric metric) {
  std::vector<double> speeds;
  for (const AblationSpeed& each : step.speeds)
    if (of(each, metric) > 0) speeds.push_back(of(each, metric));
  return speeds.empty() ? 0 : median(speeds);
}

std::string step_text(const Audit& audit, const AblationStep& step) {
  if (step.rows.empty()) return "bare defaults";
  if (step.idle && step.rows.size() > 3) return fmt::format("{} flags held for idle", step.rows.size());
  std::vector<std::string> words;
  for (const std::size_t row : step.rows) words.push_back(audit.rows[row].flag.text());
  return list_text(words, "and");
}

std::string effect_text(const AblationEffect& effect) {
  if (effect.pairs == 0) return "not measured";
  if (effect.clear)
    return fmt::format("{} % [{}, {}]", signed_percent(effect.ratio.median), signed_percent(effect.ratio.interval.low), signed_percent(effect.ratio.interval.high));
  if (effect.pairs < kFewestPairs) return fmt::format("too few pairs ({})", effect.pairs);
  const double open = std::max(std::abs(effect.joint.low - 1), std::abs(effect.joint.high - 1));
  if (open >= 1) return "too noisy to tell";
  return fmt::format("none seen within ±{:.{}f} %", 100 * open, open < 0.0995 ? 1 : 0);
}

void tell_ablation(Audit& audit, const Ablation& ablation) {
  for (std::size_t i = 1; i < ablation.steps.size(); ++i) {
    const AblationStep& step = ablation.steps[i];
    const AblationEffect decode = ablation_effect(ablation, i, i - 1, AblationMetric::decode);
    const AblationEffect prefill = ablation_effect(ablation, i, i - 1, AblationMetric::prefill);
    if (decode.pairs == 0 && prefill.pairs == 0) continue;
    const std::string others = step.rows.size() > 1 ? fmt::format(" of {}", step_text(audit, step)) : "";
    for (const std::size_t row : step.rows) {
      FlagRow& each = audit.rows[row];
      each.evidence += fmt::format("{}A/B{} says decode {}, prefill {}", each.evidence.empty() ? "" : "; ", others, effect_text(decode), effect_text(prefill));
    }
  }
}

}  // namespace oldiron
