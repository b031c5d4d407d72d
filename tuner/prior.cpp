// Ceilings, expectations and domination.
#include "tuner/prior.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace oldiron {

namespace {

// One thread of many runs faster than its share: turbo up to 1.6x from all-core to single-core clock on
// server parts.
constexpr double kFewThreadsBoost = 1.6;
// A candidate is given up only if its ceiling is below this part of what another one reached.
constexpr double kDominated = 1 / 1.25;

int threads(const Config& config, Phase phase) {
  return std::max(1, phase == Phase::decode ? config.decode_threads : config.prefill_threads);
}

double decode_roofline(const Prior& prior, const Config& config, const Workload& workload) {
  if (prior.model == nullptr || prior.profile == nullptr || prior.profile->read.empty()) return 0;
  return predict(*prior.model, config, workload, *prior.profile, 0).decode_tokens_per_s;
}

/// Equal but for levers of one phase: only then does a rate scale by threads (repacked weights or fewer
/// experts do not).
bool same_work(const Config& a, const Config& b) {
  for (const Lever& each : levers())
    if (each.affects == Phase::both && each.get(a) != each.get(b)) return false;
  return true;
}

}  // namespace

double ceiling_tokens_per_s(const Prior& prior, const Config& config, const Workload& workload, Phase phase,
                            const Reference& reference) {
  if (phase == Phase::decode) return decode_roofline(prior, config, workload);
  if (reference.tokens_per_s <= 0) return 0;
  const double share = static_cast<double>(threads(config, phase)) / threads(reference.config, phase);
  if (share >= 1 || !same_work(config, reference.config)) return 0;
  return reference.tokens_per_s * share * kFewThreadsBoost;
}

double expected_tokens_per_s(const Prior& prior, const Config& config, const Workload& workload, Phase phase,
                             const Reference& reference) {
  if (phase == Phase::decode) {
    const double here = decode_roofline(prior, config, workload);
    if (reference.tokens_per_s <= 0) return here;
    const double there = decode_roofline(prior, reference.config, workload);
    return here > 0 && there > 0 ? reference.tokens_per_s * here / there : reference.tokens_per_s;
  }
  if (reference.tokens_per_s <= 0) return 0;
  const double share = static_cast<double>(threads(config, phase)) / threads(reference.config, phase);
  return reference.tokens_per_s * std::min(1.0, share);
}

std::string why_hopeless(const Prior& prior, const Config& config, const Workload& workload, Phase phase,
                         const Reference& reference) {
  const double ceiling = ceiling_tokens_per_s(prior, config, workload, phase, reference);
  if (ceiling <= 0 || ceiling >= kDominated * reference.tokens_per_s) return "";
  const std::string count = std::to_string(threads(config, phase));
  return std::string(phase == Phase::decode ? "decode" : "prefill") + " with " + count +
         " threads can reach " + rate_text(ceiling) + " tokens/s at most; " +
         rate_text(reference.tokens_per_s) + " were measured";
}

}  // namespace oldiron
