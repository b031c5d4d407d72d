// What "better" means: seconds per turn of the workload, and when a difference counts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/stats.hpp"
#include "core/trial.hpp"

namespace oldiron {

/// Differences below this are never called an effect: two fresh processes of one configuration differ by 1 to
/// 2 % on a quiet machine, however narrow the interval inside each of them is.
inline constexpr double kNoiseFloor = 0.02;

enum class Verdict : std::uint8_t { helped, no_effect, hurt, failed };

std::string_view to_string(Verdict verdict);

/// Seconds of one turn from two rates, with the interval that the rates' intervals give.
Measurement turn(const Workload& workload, const Measurement& prefill, const Measurement& decode);

/// The samples of several measurements of one metric as one measurement; of the tags, noise and what all of them have.
Measurement pooled(const std::vector<Measurement>& measurements);

/// a / b of two measurements that were not taken side by side; the interval is that of the quotient of the
/// intervals.
Ratio quotient(const Measurement& a, const Measurement& b);

/// The interval as wide as it is if the machine's own change between the two measurements explains the difference. `drift`:
/// what the machine gave around the first over what it gave around the second, in reading or multiplying; of a turn both.
Ratio widened(const Ratio& speed_ratio, double drift, double other_drift = 1);

/// helped if the whole interval of a speed ratio lies above 1 and its median above the noise floor; hurt
/// likewise.
Verdict verdict(const Ratio& speed_ratio);

/// Candidate against default after interleaved runs; seconds per turn, one entry per repetition.
struct Duel {
  Ratio speed_ratio;   ///< default's seconds / candidate's, by pairs
  double p_value = 1;  ///< Mann-Whitney over all samples
  bool candidate_wins = false;
};

/// `pairs_*`: medians of the repetitions, taken side by side; `samples_*`: every sample of the same trials.
/// The candidate wins if every pair says so, their median by more than the noise floor, and the samples
/// separate: p < 0.05, or, where too few samples exist for any p to get there, no overlap at all.
Duel duel(const std::vector<double>& pairs_candidate, const std::vector<double>& pairs_default,
          const std::vector<double>& samples_candidate, const std::vector<double>& samples_default);

/// Where a fresh start of `config` lands with 95 %, by how the starts of each configuration in `trials` differ; `metric`:
/// kDecode or kPrefill. Samples of one process lie closer together than processes do. None with too few starts to tell.
std::optional<Interval> next_start(const std::vector<Trial>& trials, const Config& config, const char* metric);

/// Seconds of a verify(n) step and the tokens a round must yield, on average, to beat plain decoding.
struct VerifyCost {
  int tokens = 0;  ///< n: the drafts and the one token that is certain
  double step_s = 0;
  double break_even_tokens = 0;
  bool operator==(const VerifyCost&) const = default;
};

/// From the metrics verify_s/1, verify_s/2 ... of a trial; empty if there is no verify_s/1.
std::vector<VerifyCost> verify_costs(const Trial& trial);

}  // namespace oldiron
