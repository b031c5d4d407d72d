// The summary of a metric's samples.
#include "core/measurement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "core/check.hpp"
#include "core/stats.hpp"
#include "core/text.hpp"

namespace oldiron {

namespace {

// Three samples have a median that one of them alone does not make.
constexpr std::size_t kLeastToCompare = 3;
constexpr double kManySamples = 0.25;

/// The samples under their name, refused if one is no number.
Measurement with_samples(std::string name, std::string unit, std::vector<double> samples) {
  Measurement result{.name = std::move(name), .unit = std::move(unit), .samples = std::move(samples)};
  if (!std::all_of(result.samples.begin(), result.samples.end(), [](double x) { return std::isfinite(x); })) {
    throw Error(fmt::format("a sample of {} is not a finite number: look at the output it was read from",
                            result.name));
  }
  if (result.samples.empty()) result.tags.emplace_back("no samples");
  if (result.samples.size() == 1) result.tags.emplace_back("single sample");
  return result;
}

}  // namespace

Measurement summarise(std::string name, std::string unit, std::vector<double> samples) {
  Measurement result = with_samples(std::move(name), std::move(unit), std::move(samples));
  const std::vector<double>& all = result.samples;
  if (all.empty()) return result;
  result.median = median(all);
  const Interval interval = median_interval(all);
  result.low = interval.low;
  result.high = interval.high;
  if (all.size() > 1 && all.size() < 6)
    result.tags.push_back(fmt::format("interval is smallest to largest of {} samples", all.size()));
  return result;
}

Measurement average(std::string name, std::string unit, std::vector<double> samples) {
  Measurement result = with_samples(std::move(name), std::move(unit), std::move(samples));
  if (result.samples.empty()) return result;
  result.median = mean(result.samples);
  const Interval interval = mean_interval(result.samples);
  result.low = interval.low;
  result.high = interval.high;
  return result;
}

Measurement share_of_outcomes(std::string name, std::string unit, std::vector<double> outcomes) {
  Measurement result = with_samples(std::move(name), std::move(unit), std::move(outcomes));
  if (result.samples.empty()) return result;
  result.median = mean(result.samples);
  const Interval interval = share_interval(result.median, result.samples.size());
  result.low = interval.low;
  result.high = interval.high;
  return result;
}

namespace {

std::vector<double> samples_at(const Measurement& measurement, const std::set<int>& chosen, bool in) {
  std::vector<double> samples;
  for (std::size_t i = 0; i < measurement.samples.size(); ++i)
    if ((chosen.count(static_cast<int>(i)) > 0) == in) samples.push_back(measurement.samples[i]);
  return samples;
}

/// "; 31 % slower than the quiet ones", or of what hit all samples that nobody can tell.
std::string lost_text(const Measurement& measurement, const std::vector<double>& hit,
                      const std::vector<double>& quiet) {
  if (hit.size() == measurement.samples.size())
    return "; what it lost cannot be told, as no sample was quiet";
  if (hit.size() < kLeastToCompare || quiet.size() < kLeastToCompare) return "";
  const bool seconds = measurement.unit == "s";
  const double speed = seconds ? median(quiet) / median(hit) : median(hit) / median(quiet);
  return speed >= 1 ? "; they were no slower than the quiet ones"
                    : fmt::format("; they were {} slower than the quiet ones", percent_text(1 - speed));
}

}  // namespace

void label(Measurement& measurement, std::vector<Disturbed> disturbed) {
  const std::size_t n = measurement.samples.size();
  std::set<int> any;
  for (const Disturbed& each : disturbed) any.insert(each.samples.begin(), each.samples.end());
  const std::vector<double> quiet = samples_at(measurement, any, false);
  for (const Disturbed& each : disturbed) {
    const std::vector<double> hit = samples_at(measurement, {each.samples.begin(), each.samples.end()}, true);
    const bool many = static_cast<double>(hit.size()) > kManySamples * static_cast<double>(n);
    const std::string which = hit.size() == n ? "" : fmt::format(", in {} of {} samples", hit.size(), n);
    measurement.tags.push_back((many ? "noisy: " : "disturbed: ") + each.what + which +
                               lost_text(measurement, hit, quiet));
  }
  measurement.disturbed = std::move(disturbed);
}

void append(Measurement& first, const Measurement& later) {
  std::vector<double> samples = first.samples;
  samples.insert(samples.end(), later.samples.begin(), later.samples.end());
  std::vector<Disturbed> disturbed = first.disturbed;
  for (Disturbed each : later.disturbed) {
    for (int& hit : each.samples) hit += static_cast<int>(first.samples.size());
    const auto known = std::find_if(disturbed.begin(), disturbed.end(), [&](const Disturbed& other) { return other.by == each.by; });
    if (known == disturbed.end())
      disturbed.push_back(std::move(each));
    else
      known->samples.insert(known->samples.end(), each.samples.begin(), each.samples.end());
  }
  Measurement both = summarise(first.name, first.unit, std::move(samples));
  label(both, std::move(disturbed));
  for (const Measurement* look : {&std::as_const(first), &later}) {
    Measurement told = summarise(look->name, look->unit, look->samples);
    label(told, look->disturbed);
    for (const std::string& tag : look->tags)
      if (std::find(told.tags.begin(), told.tags.end(), tag) == told.tags.end() &&
          std::find(both.tags.begin(), both.tags.end(), tag) == both.tags.end())
        both.tags.push_back(tag);
  }
  first = std::move(both);
}

std::vector<std::string> merged_tags(const std::vector<std::string>& tags) {
  constexpr std::string_view kNotTold = "; what it lost cannot be told";
  struct Kind {
    std::string_view key, first;
    int times = 0;
  };
  std::vector<Kind> kinds;
  for (const std::string& tag : tags) {
    const std::string_view text = tag;
    const std::size_t colon = text.find(": ");
    const std::string_view key = text.substr(0, colon == text.npos ? text.npos : text.find(": ", colon + 2));
    const auto known = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.key == key; });
    if (known == kinds.end())
      kinds.push_back({key, text, 1});
    else if (known->first != text)
      ++known->times;
  }
  std::vector<std::string> merged;
  for (const Kind& kind : kinds) {
    const std::string text(kind.first.substr(0, kind.first.find(kNotTold)));
    merged.push_back(kind.times == 1 ? text : fmt::format("{} (seen {} times)", text, kind.times));
  }
  return merged;
}

void tag_unsteady(Measurement& measurement, double share) {
  const auto noisy = [](const std::string& tag) { return tag.starts_with("noisy"); };
  if (measurement.samples.size() < 2 || measurement.median <= 0 || std::any_of(measurement.tags.begin(), measurement.tags.end(), noisy)) return;
  const std::span<const double> all = measurement.samples;
  const std::size_t third = all.size() / 3;
  const double wide = (measurement.high - measurement.low) / 2 / measurement.median;
  const double drift = third < 2 ? 0 : std::abs(median(all.last(third)) - median(all.first(third))) / measurement.median;
  if (wide <= share && drift <= share) return;
  measurement.tags.push_back(fmt::format("noisy: its samples {} by {}, and nothing that this system counts explains it (on a guest, the host's other guests may)",
                                         drift > wide ? "drifted" : "scatter", percent_text(std::max(wide, drift))));
}

}  // namespace oldiron
