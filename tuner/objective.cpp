// Ratios, verdicts and the final comparison.
#include "tuner/objective.hpp"

#include <algorithm>
#include <iterator>

#include "core/check.hpp"

namespace oldiron {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::helped:
      return "helped";
    case Verdict::no_effect:
      return "no_effect";
    case Verdict::hurt:
      return "hurt";
    case Verdict::failed:
      return "failed";
  }
  return "failed";
}

Measurement turn(const Workload& workload, const Measurement& prefill, const Measurement& decode) {
  Measurement result;
  result.name = "turn_s";
  result.unit = "s";
  const std::size_t n = std::min(prefill.samples.size(), decode.samples.size());
  for (std::size_t i = 0; i < n; ++i)
    result.samples.push_back(turn_s(workload, prefill.samples[i], decode.samples[i]));
  result.median = turn_s(workload, prefill.median, decode.median);
  result.low = turn_s(workload, prefill.high, decode.high);
  result.high = turn_s(workload, prefill.low, decode.low);
  return result;
}

Measurement pooled(const std::vector<Measurement>& measurements) {
  if (measurements.empty()) return {};
  if (measurements.size() == 1) return measurements.front();
  std::vector<double> samples;
  for (const Measurement& each : measurements)
    samples.insert(samples.end(), each.samples.begin(), each.samples.end());
  Measurement all = summarise(measurements.front().name, measurements.front().unit, std::move(samples));
  std::vector<std::string> noisy;
  for (const Measurement& each : measurements)
    std::copy_if(each.tags.begin(), each.tags.end(), std::back_inserter(noisy), [](const std::string& tag) { return tag.starts_with("noisy"); });
  for (std::string& tag : merged_tags(noisy)) all.tags.push_back(std::move(tag));
  // How it was measured, or what a setting did not do, is said of the whole; the rest is about samples of one of them.
  for (const std::string& tag : measurements.front().tags) {
    const bool of_samples = tag == "single sample" || tag.starts_with("interval is ") || tag.starts_with("noisy") || tag.starts_with("disturbed: ") || tag.starts_with("under this load: ");
    const auto has = [&](const Measurement& each) { return std::find(each.tags.begin(), each.tags.end(), tag) != each.tags.end(); };
    if (!of_samples && std::all_of(measurements.begin(), measurements.end(), has)) all.tags.push_back(tag);
  }
  return all;
}

Ratio quotient(const Measurement& a, const Measurement& b) {
  CHECK(b.low > 0, "a rate or a time is positive");
  return {a.median / b.median, {a.low / b.high, a.high / b.low}};
}

Ratio widened(const Ratio& speed_ratio, double drift, double other_drift) {
  const auto [least, most] = std::minmax({1.0, drift, other_drift});
  return {speed_ratio.median, {speed_ratio.interval.low / most, speed_ratio.interval.high / least}};
}

Verdict verdict(const Ratio& speed_ratio) {
  if (speed_ratio.interval.low > 1 && speed_ratio.median > 1 + kNoiseFloor) return Verdict::helped;
  if (speed_ratio.interval.high < 1 && speed_ratio.median < 1 - kNoiseFloor) return Verdict::hurt;
  return Verdict::no_effect;
}

Duel duel(const std::vector<double>& pairs_candidate, const std::vector<double>& pairs_default,
          const std::vector<double>& samples_candidate, const std::vector<double>& samples_default) {
  Duel result;
  if (pairs_candidate.empty() || samples_candidate.empty() || samples_default.empty()) return result;
  result.speed_ratio = paired_ratio(pairs_default, pairs_candidate);
  result.p_value = mann_whitney_p(samples_candidate, samples_default);
  for (std::size_t i = 0; i < pairs_candidate.size(); ++i)
    if (pairs_candidate[i] >= pairs_default[i]) return result;
  // The smallest two-sided p of n against m samples is 2 / C(n + m, n): 3 against 3 cannot go below 0.1.
  double arrangements = 1;
  const double n = static_cast<double>(samples_candidate.size());
  for (double i = 1; i <= static_cast<double>(samples_default.size()); ++i) arrangements *= (n + i) / i;
  const bool separate = 2 / arrangements < 0.05
                            ? result.p_value < 0.05
                            : *std::max_element(samples_candidate.begin(), samples_candidate.end()) <
                                  *std::min_element(samples_default.begin(), samples_default.end());
  result.candidate_wins = separate && result.speed_ratio.median > 1 + kNoiseFloor;
  return result;
}

std::optional<Interval> next_start(const std::vector<Trial>& trials, const Config& config, const char* metric) {
  std::vector<Config> configs = {config};
  std::vector<std::vector<double>> starts(1);
  for (const Trial& trial : trials) {
    const Measurement* measured = trial.find(metric);
    if (measured == nullptr || measured->median <= 0) continue;
    const auto known = std::find(configs.begin(), configs.end(), trial.spec.config);
    starts.resize(std::max(starts.size(), static_cast<std::size_t>(known - configs.begin()) + 1));
    starts[static_cast<std::size_t>(known - configs.begin())].push_back(measured->median);
    if (known == configs.end()) configs.push_back(trial.spec.config);
  }
  return starts.front().empty() ? std::nullopt : next_interval(starts, 0);
}

std::vector<VerifyCost> verify_costs(const Trial& trial) {
  std::vector<VerifyCost> costs;
  const Measurement* one = trial.find("verify_s/1");
  if (one == nullptr || one->median <= 0) return costs;
  for (int n = 1;; ++n) {
    const Measurement* each = trial.find("verify_s/" + std::to_string(n));
    if (each == nullptr) return costs;
    costs.push_back({n, each->median, each->median / one->median});
  }
}

}  // namespace oldiron
