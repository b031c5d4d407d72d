// What trials cost and what is left for them: expectations from the trials that ran, and the shares of the budget.
#include <algorithm>
#include <limits>

#include "tuner/search.hpp"

namespace oldiron {

namespace {

// Part of the budget kept back for the finals: without them no figure of the answer is confirmed.
constexpr double kReserve = 0.4;
// And as much at most for the answer's own start: a search that finds nothing has nothing to start.
constexpr double kOwnStart = 0.3;
constexpr int kLeastTextsRead = 4;
// Trials: four finals, the answer's own start, and two values for each of some five levers.
constexpr double kEnoughTrials = 16;
// A trial repeats to a few percent; one that would end with the budget to the second is not begun.
constexpr double kMargin = 1.1;

/// The largest of the last three: expectations lean to the long side, but forget.
double recent(const std::vector<double>& seconds) {
  double largest = 0;
  for (std::size_t i = seconds.size() > 3 ? seconds.size() - 3 : 0; i < seconds.size(); ++i)
    largest = std::max(largest, seconds[i]);
  return largest;
}

}  // namespace

Workload Search::search_workload() const {
  Workload workload = turn_of(request_.base.workload);
  if (request_.search_generate_tokens > 0)
    workload.generate_tokens = std::min(workload.generate_tokens, request_.search_generate_tokens);
  return workload;
}

Workload Search::finals_workload() const {
  return few_ ? search_workload() : turn_of(request_.base.workload);
}

Workload Search::verify_workload() const {
  Workload workload = search_workload();
  workload.prompt_tokens = 0;
  workload.verify_max = request_.base.workload.verify_max;
  workload.streams_max = request_.base.workload.streams_max;
  return workload;
}

Workload Search::quality_workload() const {
  Workload workload = request_.base.workload;
  workload.prompt_tokens = workload.generate_tokens = workload.verify_max = workload.streams_max = 0;
  if (!request_.quality_name.empty()) workload.name = request_.quality_name;
  if (request_.quality_read_s > 0 && workload.quality_texts > kLeastTextsRead) {
    const double texts = request_.quality_read_s * likely_rate(incumbent_, Phase::prefill) / workload.quality_tokens;
    workload.quality_texts = static_cast<int>(std::clamp<double>(texts, kLeastTextsRead, workload.quality_texts));
  }
  return workload;
}

bool Search::holds_few(double trial_s) const {
  return request_.few_samples > 0 && request_.budget_s > 0 && request_.budget_s < kEnoughTrials * trial_s;
}

Budget Search::effort() const {
  Budget budget = request_.base.budget;
  if (few_) budget.min_samples = request_.few_samples, budget.warm_up = false;
  return budget;
}

int runs(const TuneRequest& request, const Budget& budget) {
  return request.few_samples > 0 ? budget.min_samples + (budget.warm_up ? 1 : 0) : 1;
}

double wide_steps(const TuneRequest& request, const Workload& workload) {
  // Each reads more experts than one token does.
  if (request.keeps_model) return 2.0 * (workload.verify_max + workload.streams_max);
  // A foreign engine generates as many tokens in each stream, and streams of 1, 2, 4 .. are nearly twice the last.
  constexpr double kOfOneByOne = 0.6;  // a step of n streams takes so much of n steps: llama.cpp, measured on 1 to 16 streams
  return 2 * kOfOneByOne * workload.streams_max * workload.generate_tokens;
}

double Search::work_units(const Config& config, const Workload& workload, const Budget& budget) const {
  const double prefill = likely_rate(config, Phase::prefill);
  const double decode = likely_rate(config, Phase::decode);
  const double decode_steps = workload.generate_tokens + wide_steps(request_, workload);
  double units = 0;
  if (workload.prompt_tokens > 0) units += prefill > 0 ? workload.prompt_tokens / prefill : 1;
  if (decode_steps > 0) units += decode > 0 ? decode_steps / decode : 1;
  units *= runs(request_, budget);
  const double read_tokens = kQualityReadings * workload.quality_texts * workload.quality_tokens;
  if (request_.quality_read_s > 0) units += prefill > 0 ? read_tokens / prefill : 0;
  else if (workload.quality_texts > 0)
    units += decode > 0 ? kQualityStepsPerToken * workload.quality_texts * workload.quality_tokens / decode : 1;
  return units;
}

Reload Search::reload_for(const Config& config, int repetition) const {
  if (!loaded_ || !request_.keeps_model || (request_.fresh_repetitions && repetition > 0)) return Reload::all;
  return reload_due(*loaded_, config, request_.machine);
}

double Search::load_s(Reload reload) const {
  if (reload == Reload::none) return 0;
  if (const auto found = loads_.find(reload); found != loads_.end()) {
    // The first load may have come from storage, and the later ones from memory.
    const double less_s = reload == Reload::all && request_.reload_s > 0 ? request_.load_s - request_.reload_s : 0;
    const std::vector<double>& loads = found->second;
    if (less_s <= 0) return recent(loads);
    constexpr double kLeast = 0.1;
    if (loads.size() == 1) return std::max(kLeast * loads.front(), loads.front() - less_s);
    return recent({loads.begin() + 1, loads.end()});
  }
  // A head has not been loaded yet: never more than the whole.
  if (const auto found = loads_.find(Reload::all); found != loads_.end()) return recent(found->second);
  return request_.load_s;
}

double Search::expected_s(const Config& config, const Workload& workload, int repetition) const {
  const double load = load_s(reload_for(config, repetition));
  for (Phase phase : {oldiron::phase_of(workload), Phase::both})
    if (const auto found = pace_.find(phase); found != pace_.end())
      return kMargin * (load + recent(found->second) * work_units(config, workload, effort()));
  return load + request_.trial_s * runs(request_, effort()) / runs(request_, request_.base.budget);
}

double Search::own_start_s() const { return request_.starts_answer ? expected_s(incumbent_, turn_of(request_.base.workload), 1) : 0; }

double Search::left_s() const {
  if (request_.budget_s <= 0) return std::numeric_limits<double>::infinity();
  return request_.budget_s - result_.elapsed_s - std::min(kOwnStart * request_.budget_s, own_start_s());
}

int Search::prices() const {
  if (request_.base.workload.quality_texts <= 0) return 0;
  int lossy = 0;
  for (const Axis& axis : request_.space.axes)
    if (lever(axis.lever).loss == Loss::lossy) lossy += static_cast<int>(axis.values.size()) - 1;
  return lossy;
}

bool Search::verifies() const { return request_.base.workload.verify_max > 0 || request_.base.workload.streams_max > 0; }

double Search::after_finals_s() const {
  return (verifies() ? expected_s(incumbent_, verify_workload(), 0) : 0) + prices() * expected_s(incumbent_, quality_workload(), 0);
}

int Search::after_finals_trials() const { return (verifies() ? 1 : 0) + prices(); }

double Search::reserve_s() const {
  if (reserve_open_ || request_.budget_s <= 0) return 0;
  const Workload workload = finals_workload();
  const int rounds = few_ ? 1 : 2;
  double finals = rounds * expected_s(default_, workload, 1);
  // What is found last has to be confirmed too.
  if (incumbent_ != default_ || few_) finals += rounds * expected_s(incumbent_, workload, 1);
  if (request_.yours) finals += rounds * expected_s(request_.yours->config, workload, 1);
  finals += after_finals_s();
  // A search trial that took a little longer than expected must not cost the finals.
  return std::min(kReserve * request_.budget_s, kMargin * finals);
}

int Search::reserve_trials() const {
  const int trials = std::min((request_.yours ? 6 : 4) + after_finals_trials(), static_cast<int>(kReserve * request_.max_trials));
  return reserve_open_ || trials < 2 ? 0 : trials;  // one alone has nothing beside it
}

int Search::trials_left() const {
  if (request_.max_trials <= 0) return std::numeric_limits<int>::max();
  return request_.max_trials - reserve_trials() - static_cast<int>(result_.trials.size());
}

}  // namespace oldiron
