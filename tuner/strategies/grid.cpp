// grid: single-lever sweeps around the incumbent first, so that every lever's effect can be told; then what
// is left of the grid. The product is walked per phase: decode levers with decode trials, prefill levers with
// prefill trials, both once for each setting of the levers that they share. That makes a sum out of a
// product.
#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "tuner/strategy.hpp"

namespace oldiron::strategy_functions {

namespace {

/// Takes over `config` if it beats the incumbent by more than noise, or if the incumbent does not run at all.
void challenge(Search& search, const Config& config) {
  const auto ratio = search.speed_ratio(config, search.incumbent(), Phase::both);
  const bool better = ratio ? verdict(*ratio) == Verdict::helped
                            : search.turn(config).has_value() && !search.turn(search.incumbent()).has_value();
  if (better) search.adopt(config);
}

void sweep(Search& search, const Axis& axis, const std::string& stage) {
  const Config from = search.incumbent();
  const Phase own = search.phase_of(axis);
  // With a start that does not run, a single phase would leave the other unknown.
  const Phase phase = search.turn(from) ? own : Phase::both;
  std::vector<Config> tried;
  for (const std::string& value : axis.values) {
    const Config config = search.with(from, axis.lever, value);
    if (config == from) continue;
    if (!search.measure(config, phase, stage)) {
      if (search.over()) break;
      continue;
    }
    const Verdict verdict = search.note_effect(axis, value, config, from);
    if (verdict == Verdict::helped && lever(axis.lever).loss == Loss::lossless) tried.push_back(config);
  }
  const auto faster = [&](const Config& a, const Config& b) {
    const auto ratio = search.speed_ratio(a, b, Phase::both);
    return ratio && ratio->median > 1;
  };
  if (tried.empty()) return;
  const Config best = *std::min_element(tried.begin(), tried.end(), faster);
  // A lever of one phase may be judged by it: its gain can be too small a part of a turn to stand out there.
  if (!search.turn(from) || search.turn(best)) search.adopt(best);
}

/// Every combination of the axes' values around `from`; the first axis changes slowest.
std::vector<Config> product(const Search& search, const std::vector<Axis>& axes, const Config& from) {
  std::vector<Config> points = {from};
  for (const Axis& axis : axes) {
    std::vector<Config> wider;
    for (const Config& point : points)
      for (const std::string& value : axis.values) wider.push_back(search.with(point, axis.lever, value));
    points = std::move(wider);
  }
  return points;
}

/// The values of the levers that need a load: points with the same ones are walked in a row.
std::string loaded_as(const Config& config) {
  std::string text;
  for (const Lever& each : levers())
    if (each.reload != Reload::none) text += each.get(config) + "|";
  return text;
}

/// Likely fast ones first, load by load; among equals those in the order of the grid.
void order(const Search& search, std::vector<Config>& points) {
  struct Keyed {
    double group_s = 0, turn_s = 0;
    std::string load;
    Config config;
  };

  std::map<std::string, double> fastest;
  std::vector<Keyed> keyed;
  for (const Config& point : points) {
    keyed.push_back({0, search.likely_turn_s(point), loaded_as(point), point});
    const auto [group, fresh] = fastest.emplace(keyed.back().load, keyed.back().turn_s);
    if (!fresh) group->second = std::min(group->second, keyed.back().turn_s);
  }
  for (Keyed& each : keyed) each.group_s = fastest[each.load];
  std::stable_sort(keyed.begin(), keyed.end(), [](const Keyed& a, const Keyed& b) {
    return std::tie(a.group_s, a.load, a.turn_s) < std::tie(b.group_s, b.load, b.turn_s);
  });
  for (std::size_t i = 0; i < points.size(); ++i) points[i] = keyed[i].config;
}

/// The best of both phases at the shared setting of `from`.
void walk_phases(Search& search, const std::vector<Axis>& decode, const std::vector<Axis>& prefill,
                 const Config& from) {
  const bool around_incumbent = from == search.incumbent();
  Config best = from;
  for (const auto& [axes, phase] : {std::pair(&decode, Phase::decode), std::pair(&prefill, Phase::prefill)}) {
    std::vector<Config> points = product(search, *axes, best);
    order(search, points);
    for (const Config& point : points) {
      if (!search.measure(point, phase, "product")) {
        if (search.over()) break;
        continue;
      }
      const auto ratio = search.speed_ratio(point, best, phase);
      if (ratio && verdict(*ratio) == Verdict::helped) best = point;
    }
  }
  // A gain in one phase may be too small a part of a turn to stand out there, yet it is a gain.
  if (around_incumbent && search.turn(best)) search.adopt(best);
  else challenge(search, best);
}

int rank(const Axis& axis) {
  const Reload reload = lever(axis.lever).reload;
  return reload == Reload::all ? 0 : reload == Reload::head ? 1 : 2;
}

}  // namespace

void grid(Search& search) {
  std::vector<Axis> shared, decode, prefill, lossy;
  for (const Axis& axis : search.request().space.axes) {
    const Phase phase = search.phase_of(axis);
    (lever(axis.lever).loss == Loss::lossy ? lossy
     : phase == Phase::decode              ? decode
     : phase == Phase::prefill             ? prefill
                                           : shared)
        .push_back(axis);
  }
  const auto reloads_outermost = [](const Axis& a, const Axis& b) { return rank(a) < rank(b); };
  std::stable_sort(shared.begin(), shared.end(), reloads_outermost);
  std::stable_sort(lossy.begin(), lossy.end(), reloads_outermost);

  for (const Axis& axis : search.request().space.axes)
    if (lever(axis.lever).loss == Loss::lossless) sweep(search, axis, "sweep");
  // From the cheapest to change to the dearest, so that no head is loaded twice.
  for (auto axis = lossy.rbegin(); axis != lossy.rend(); ++axis) sweep(search, *axis, "lossy");

  walk_phases(search, decode, prefill, search.incumbent());
  std::vector<Config> settings = product(search, shared, search.incumbent());
  for (const Config& setting : settings) {
    if (search.measure(setting, Phase::both, "product")) challenge(search, setting);
    else if (search.over()) return;
  }
  for (const Config& setting : settings) {
    if (search.over()) return;
    if (search.turn(setting)) walk_phases(search, decode, prefill, setting);
  }

  std::vector<Config> points = product(search, lossy, search.incumbent());
  order(search, points);
  for (const Config& point : points)
    if (!search.measure(point, Phase::both, "lossy") && search.over()) return;
}

}  // namespace oldiron::strategy_functions
