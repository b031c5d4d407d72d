#include "reports/probe_findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <utility>

#include "core/accounting.hpp"
#include "core/text.hpp"
#include "reports/probe_words.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

// Thread counts whose median is so near to the best one's reach it too.
constexpr double kReached = 0.97;
// Less than this is not called a gain: the noise of a quiet machine.
constexpr double kGain = 0.03;

/// The fewest threads that reach the best.
const BandwidthPoint& reaching(const Profile& profile) {
  const double best = best_read(profile)->bytes_per_s.median;
  return *std::find_if(profile.read.begin(), profile.read.end(),
                       [&](const BandwidthPoint& p) { return p.bytes_per_s.median >= kReached * best; });
}

std::string gain_percent(double ratio) { return percent_text(ratio - 1); }

/// A finding that rests on a disturbed figure says so.
std::string in_noise(std::initializer_list<const Measurement*> figures) {
  return std::any_of(figures.begin(), figures.end(), [](const Measurement* m) { return is_noisy(*m); })
             ? " (in noise)"
             : "";
}

/// "; the second adds 60 %", "; from 4 to 8 adds 31 %", "; 16 add nothing".
std::string gain_text(const Profile& profile, const BandwidthPoint& at) {
  if (at.threads < profile.read.back().threads)
    return fmt::format("; {} add nothing", profile.read.back().threads);
  if (profile.read.size() < 2) return "";
  const BandwidthPoint& before = profile.read[profile.read.size() - 2];
  const double ratio = at.bytes_per_s.median / before.bytes_per_s.median;
  const std::string gain = ratio < 1 + kGain ? "nothing" : gain_percent(ratio);
  if (at.threads == 2) return "; the second adds " + gain;
  return fmt::format("; going from {} to {} adds {}", before.threads, at.threads, gain);
}

}  // namespace

std::string read_finding(const Machine& machine, const Profile& profile) {
  const BandwidthPoint& at = reaching(profile);
  std::string text = fmt::format("{} {} {}", threads_text(at.threads), at.threads == 1 ? "reaches" : "reach",
                                 bytes_per_s_text(at.bytes_per_s.median));
  if (machine.modules && machine.modules->bytes_per_s > 0)
    text += fmt::format(", {} of what the modules carry on paper",
                        percent_text(at.bytes_per_s.median / machine.modules->bytes_per_s));
  return text + gain_text(profile, at) + in_noise({&at.bytes_per_s});
}

std::string latency_finding(const Abilities& abilities) {
  const std::vector<const LatencyPoint*> small = latency_points(abilities, true),
                                         large = latency_points(abilities, false);
  std::string text = "a load from memory waits ";
  if (!small.empty()) text += wait_text(small.back()->s.median);
  if (!large.empty())
    text += fmt::format("{}{} with huge pages", small.empty() ? "" : ", ", wait_text(large.back()->s.median));
  return text +
         in_noise({&(small.empty() ? large : small).back()->s, &(large.empty() ? small : large).back()->s});
}

std::string loaded_latency_finding(const Abilities& abilities) {
  const std::vector<const LoadedLatencyPoint*> points = loaded_points(abilities);
  return fmt::format("a load waits {} alone, {} while others read {}", wait_text(points.front()->s.median),
                     wait_text(points.back()->s.median),
                     bytes_per_s_text(points.back()->bytes_per_s.median)) +
         in_noise({&points.front()->s, &points.back()->s, &points.back()->bytes_per_s});
}

std::vector<StepPlace> step_places(const ModelSpec& model) {
  const Config config;
  const auto place = [&](std::string name, const ModelStep& step) {
    const StepCost cost = step_cost(model, step);
    return StepPlace{.name = std::move(name),
                     .ops_per_byte = cost.bytes() > 0 ? cost.flops() / cost.bytes() : 0};
  };
  std::vector<StepPlace> places;
  for (const int sequences : {1, 4, 16})
    places.push_back(place(fmt::format("{}×{}", sequences == 1 ? "decode " : "", sequences),
                           batch_step(sequences, kPlacedTokens, config, {})));
  places.push_back(place(fmt::format("prefill {}", kPlacedTokens), prefill_step(kPlacedTokens, 0, config)));
  return places;
}

const ComputePeak* decisive_peak(const Profile& profile) {
  const auto rank = [](const ComputePeak* p) {
    return std::pair(p->type == ComputeType::int8, p->ops_per_s.median);
  };
  const ComputePeak* best = nullptr;
  for (const ComputePeak* peak : peaks_of_all_threads(profile))
    if (best == nullptr || rank(peak) > rank(best)) best = peak;
  return best;
}

std::string roofline_finding(const Profile& profile, const ModelSpec* model) {
  const ComputePeak& peak = *decisive_peak(profile);
  std::string text = fmt::format("reading is the limit below {} operations a byte",
                                 rate_text(peak.ops_per_s.median / best_read(profile)->bytes_per_s.median));
  text += in_noise({&peak.ops_per_s, &best_read(profile)->bytes_per_s});
  if (model == nullptr) return text;
  const std::vector<StepPlace> places = step_places(*model);
  return text + fmt::format("; a decode of {} has {}, a prefill of {} tokens {}", model_name(*model),
                            rate_text(places.front().ops_per_byte), kPlacedTokens,
                            rate_text(places.back().ops_per_byte));
}

std::string as_title(std::string finding) {
  if (!finding.empty()) finding[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(finding[0])));
  return finding;
}

}  // namespace oldiron::reports
