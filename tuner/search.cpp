// Budget, durations and the memory of rates behind a strategy.
#include "tuner/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace oldiron {

namespace {

// Part of the budget kept back for the finals: without them no figure of the answer is confirmed.
constexpr double kReserve = 0.4;
// And as much at most for the answer's own start: a search that finds nothing has nothing to start.
constexpr double kOwnStart = 0.3;
// A trial slower than this many times what was expected of it is stopped: it cannot be the answer any more.
constexpr double kPatience = 4;
constexpr double kLeastDeadline_s = 30;
constexpr int kLeastTextsRead = 4;
// A trial repeats to a few percent; one that would end with the budget to the second is not begun.
constexpr double kMargin = 1.1;

/// The largest of the last three: expectations lean to the long side, but forget.
double recent(const std::vector<double>& seconds) {
  double largest = 0;
  for (std::size_t i = seconds.size() > 3 ? seconds.size() - 3 : 0; i < seconds.size(); ++i)
    largest = std::max(largest, seconds[i]);
  return largest;
}

Phase phase_of(const Workload& workload) {
  if (workload.prompt_tokens == 0) return Phase::decode;
  return workload.generate_tokens == 0 ? Phase::prefill : Phase::both;
}

bool succeeded(const Trial& trial) { return trial.status == Status::ok || trial.status == Status::noisy; }

}  // namespace

Search::Search(const TuneRequest& request, Evaluate evaluate, Progress progress)
    : request_(request),
      evaluate_(std::move(evaluate)),
      progress_(std::move(progress)),
      prior_{&request.model, &request.profile},
      default_(start(request.space, request.machine, request.model)),
      incumbent_(default_) {
  result_.left_out = request.space.left_out;
}

Config Search::with(const Config& config, std::string_view lever_name, std::string_view value) const {
  return oldiron::with(request_.space, config, lever_name, value, request_.machine, request_.model);
}

Phase Search::phase_of(const Axis& axis) const {
  const Phase phase = affects(request_.space, lever(axis.lever));
  return phase == Phase::none ? Phase::both : phase;
}

std::string Search::key(const Config& config, Phase phase) const {
  std::string text = phase == Phase::decode ? "d" : "p";
  const Phase other = phase == Phase::decode ? Phase::prefill : Phase::decode;
  for (const Lever& each : levers())
    if (affects(request_.space, each) != other) text += "|" + each.get(config);
  return text;
}

std::string Search::whole_key(const Config& config) const {
  return key(config, Phase::prefill) + key(config, Phase::decode);
}

std::optional<Measurement> Search::rate(const Config& config, Phase phase) const {
  const auto found = known_.find(key(config, phase));
  if (found == known_.end() || !found->second.failure.empty()) return std::nullopt;
  return found->second.rate;
}

std::optional<Measurement> Search::turn(const Config& config) const {
  const auto prefill = rate(config, Phase::prefill);
  const auto decode = rate(config, Phase::decode);
  if (!prefill || !decode) return std::nullopt;
  return oldiron::turn(request_.base.workload, *prefill, *decode);
}

bool Search::known(const Config& config, Phase phase) const {
  if (phase == Phase::both) return known(config, Phase::prefill) && known(config, Phase::decode);
  return known_.contains(key(config, phase)) || failed_.contains(whole_key(config));
}

std::string Search::failure(const Config& config, Phase phase) const {
  if (phase == Phase::both) {
    const std::string prefill = failure(config, Phase::prefill);
    return prefill.empty() ? failure(config, Phase::decode) : prefill;
  }
  if (const auto found = known_.find(key(config, phase)); found != known_.end()) return found->second.failure;
  const auto whole = failed_.find(whole_key(config));
  return whole == failed_.end() ? "" : whole->second;
}

std::optional<Ratio> Search::speed_ratio(const Config& config, const Config& from, Phase phase) const {
  if (phase == Phase::both) {
    const auto here = turn(config), there = turn(from);
    if (!here || !there) return std::nullopt;
    return widened(quotient(*there, *here), memory_drift(config, from));
  }
  const auto here = rate(config, phase), there = rate(from, phase);
  if (!here || !there) return std::nullopt;
  return widened(quotient(*here, *there), phase == Phase::decode ? memory_drift(config, from) : 1);
}

double Search::memory_drift(const Config& config, const Config& from) const {
  if (config.decode_threads != from.decode_threads) return 1;  // read with other threads: nothing to compare
  const auto here = known_.find(key(config, Phase::decode)), there = known_.find(key(from, Phase::decode));
  if (here == known_.end() || there == known_.end()) return 1;
  if (!(here->second.read_bytes_per_s > 0) || !(there->second.read_bytes_per_s > 0)) return 1;
  return here->second.read_bytes_per_s / there->second.read_bytes_per_s;
}

Verdict Search::note_effect(const Axis& axis, const std::string& value, const Config& config,
                            const Config& from) {
  const Lever& record = lever(axis.lever);
  const Phase phase = phase_of(axis);
  Effect effect;
  effect.lever = axis.lever;
  effect.value = value;
  effect.from = record.get(from);
  effect.loss = record.loss;
  if (phase != Phase::prefill) effect.decode = speed_ratio(config, from, Phase::decode);
  if (phase != Phase::decode) effect.prefill = speed_ratio(config, from, Phase::prefill);
  effect.turn = speed_ratio(config, from, Phase::both);
  effect.reason = failure(config, phase);
  if (!effect.reason.empty()) effect.verdict = Verdict::failed;
  else if (const auto ratio = speed_ratio(config, from, phase)) effect.verdict = verdict(*ratio);
  else  // what it is compared with does not run at all
    effect.verdict = Verdict::helped;
  result_.effects.push_back(effect);
  return effect.verdict;
}

Reference Search::reference(Phase phase) const {
  const auto measured = rate(incumbent_, phase);
  return {incumbent_, measured ? measured->median : 0};
}

double Search::likely_rate(const Config& config, Phase phase) const {
  if (const auto measured = rate(config, phase)) return measured->median;
  return expected_tokens_per_s(prior_, config, request_.base.workload, phase, reference(phase));
}

double Search::likely_turn_s(const Config& config) const {
  const double prefill = likely_rate(config, Phase::prefill);
  const double decode = likely_rate(config, Phase::decode);
  const Workload& workload = request_.base.workload;
  return (prefill > 0 ? workload.prompt_tokens / prefill : 0) +
         (decode > 0 ? workload.generate_tokens / decode : 0);
}

Workload Search::search_workload() const {
  Workload workload = request_.base.workload;
  workload.verify_max = workload.streams_max = workload.quality_texts = workload.quality_tokens = 0;
  if (request_.search_generate_tokens > 0)
    workload.generate_tokens = std::min(workload.generate_tokens, request_.search_generate_tokens);
  return workload;
}

Workload Search::quality_workload() const {
  Workload workload = request_.base.workload;
  workload.prompt_tokens = workload.generate_tokens = workload.verify_max = workload.streams_max = 0;
  if (request_.quality_read_s > 0 && workload.quality_texts > kLeastTextsRead) {
    const double texts = request_.quality_read_s * likely_rate(incumbent_, Phase::prefill) / workload.quality_tokens;
    workload.quality_texts = static_cast<int>(std::clamp<double>(texts, kLeastTextsRead, workload.quality_texts));
  }
  return workload;
}

double Search::work_units(const Config& config, const Workload& workload) const {
  const double prefill = likely_rate(config, Phase::prefill);
  const double decode = likely_rate(config, Phase::decode);
  // Steps of verify and batch count like twice as many decode steps: each reads more experts than one token
  // does.
  const int decode_steps = workload.generate_tokens + 2 * (workload.verify_max + workload.streams_max);
  double units = 0;
  if (workload.prompt_tokens > 0) units += prefill > 0 ? workload.prompt_tokens / prefill : 1;
  if (decode_steps > 0) units += decode > 0 ? decode_steps / decode : 1;
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
      return kMargin * (load + recent(found->second) * work_units(config, workload));
  return load + request_.trial_s;
}

double Search::own_start_s() const { return request_.starts_answer ? expected_s(incumbent_, request_.base.workload, 1) : 0; }

double Search::left_s() const {
  if (request_.budget_s <= 0) return std::numeric_limits<double>::infinity();
  return request_.budget_s - result_.elapsed_s - std::min(kOwnStart * request_.budget_s, own_start_s());
}

double Search::reserve_s() const {
  if (reserve_open_ || request_.budget_s <= 0) return 0;
  double finals = 2 * expected_s(default_, request_.base.workload, 1);
  if (incumbent_ != default_) finals += 2 * expected_s(incumbent_, request_.base.workload, 1);
  if (request_.yours) finals += 2 * expected_s(request_.yours->config, request_.base.workload, 1);
  if (request_.base.workload.verify_max > 0) finals += expected_s(incumbent_, request_.base.workload, 0);
  for (const Axis& axis : request_.space.axes)
    if (lever(axis.lever).loss == Loss::lossy && request_.base.workload.quality_texts > 0)
      finals += static_cast<double>(axis.values.size() - 1) * expected_s(incumbent_, quality_workload(), 0);
  return std::min(kReserve * request_.budget_s, finals);
}

int Search::reserve_trials() const {
  const int trials = std::min(request_.yours ? 6 : 4, static_cast<int>(kReserve * request_.max_trials));
  return reserve_open_ || trials < 2 ? 0 : trials;  // one alone has nothing beside it
}

int Search::trials_left() const {
  if (request_.max_trials <= 0) return std::numeric_limits<int>::max();
  return request_.max_trials - reserve_trials() - static_cast<int>(result_.trials.size());
}

bool Search::over() const { return signalled_ || trials_left() <= 0; }

void Search::leave_out(const Config& config, const std::string& reason) {
  for (const std::string& difference : differences(config, incumbent_)) {
    const LeftOut entry = {difference, reason};
    if (std::find(result_.left_out.begin(), result_.left_out.end(), entry) == result_.left_out.end())
      result_.left_out.push_back(entry);
  }
}

bool Search::may_run(const Config& config, Phase phase) {
  const std::string invalid = why_invalid(config, request_.machine, request_.model);
  if (!invalid.empty()) {
    leave_out(config, invalid);
    return false;
  }
  for (const std::string& value : differences(config, incumbent_)) {
    if (!hung_.contains(value)) continue;
    leave_out(config, fmt::format("{} hung where it alone was changed", value));
    return false;
  }
  if (phase == Phase::both) return true;
  const std::string hopeless = why_hopeless(prior_, config, request_.base.workload, phase, reference(phase));
  if (!hopeless.empty()) leave_out(config, hopeless);
  return hopeless.empty();
}

bool Search::measure(const Config& config, Phase phase, const std::string& stage) {
  if (std::find(considered_.begin(), considered_.end(), config) == considered_.end())
    considered_.push_back(config);
  const bool prefill = phase != Phase::decode && !known(config, Phase::prefill);
  const bool decode = phase != Phase::prefill && !known(config, Phase::decode);
  if (!prefill && !decode) return true;
  if (signalled_ || !may_run(config, prefill && decode ? Phase::both
                                     : prefill         ? Phase::prefill
                                                       : Phase::decode))
    return false;
  TrialSpec spec = request_.base;
  spec.config = config;
  spec.workload = search_workload();
  if (!prefill) spec.workload.prompt_tokens = 0;
  if (!decode) spec.workload.generate_tokens = 0;
  return run(spec, stage).has_value();
}

std::optional<Trial> Search::repeat(const Config& config, int repetition, const Workload& workload,
                                    const std::string& stage) {
  if (signalled_) return std::nullopt;
  TrialSpec spec = request_.base;
  spec.config = config;
  spec.workload = workload;
  spec.repetition = repetition;
  return run(spec, stage);
}

std::optional<Trial> Search::repeat_yours(int repetition, const Workload& workload, const std::string& stage) {
  if (signalled_ || !request_.yours) return std::nullopt;
  TrialSpec spec = *request_.yours;
  spec.workload = workload;
  spec.repetition = repetition;
  return run(spec, stage);
}

std::optional<Trial> Search::run(TrialSpec spec, const std::string& stage) {
  const int number = static_cast<int>(result_.trials.size()) + 1;
  const bool first = number == 1;  // the default runs whatever the budget: without it there is nothing to say
  if (request_.interrupted && request_.interrupted()) {
    signalled_ = true;
    return std::nullopt;
  }
  if (!first && trials_left() <= 0) {
    out_of_trials_ = true;
    return std::nullopt;
  }
  const Reload reload = reload_for(spec.config, spec.repetition);
  const double expected = expected_s(spec.config, spec.workload, spec.repetition);
  if (!first && expected + reserve_s() > left_s()) {
    out_of_budget_ = true;
    return std::nullopt;
  }
  if (!pace_.empty()) {
    const double deadline = std::max(kLeastDeadline_s, kPatience * (expected - load_s(reload)));
    spec.budget.seconds = spec.budget.seconds > 0 ? std::min(spec.budget.seconds, deadline) : deadline;
  }
  if (progress_) progress_({stage, number, spec, reload, expected, result_.elapsed_s, nullptr});
  const double began_s = request_.clock();
  Trial trial;
  try {
    trial = evaluate_(spec);
  } catch (const StopTune&) {
    signalled_ = true;
    return std::nullopt;
  }
  // A trial from the journal counts with what it took when it ran, to the digit, so that a tune that was
  // stopped and started again makes the same choices as one that was not.
  const double wall_s = trial.provenance.wall_s;
  const double took_s = wall_s > 0 ? wall_s : request_.clock() - began_s;
  result_.elapsed_s += took_s;
  if (reload == Reload::all) ++result_.loads;
  learn(trial, reload, took_s);
  result_.trials.push_back(trial);
  if (progress_) progress_({stage, number, spec, reload, expected, result_.elapsed_s, &trial});
  return trial;
}

void Search::learn(const Trial& trial, Reload reload, double took_s) {
  const TrialSpec& spec = trial.spec;
  if (!spec.more_front.empty() || !spec.more_flags.empty()) return;  // of no configuration of ours
  // A worker whose trial failed is gone, and its model with it.
  loaded_ = succeeded(trial) ? std::optional(spec.config) : std::nullopt;
  const std::string why = succeeded(trial)        ? ""
                          : !trial.reason.empty() ? trial.reason
                                                  : std::string(to_string(trial.status));
  // Each try of a value that hangs costs a deadline, with other settings too.
  if (const auto changed = differences(spec.config, incumbent_); trial.status == Status::timed_out && changed.size() == 1)
    hung_.insert(changed.front());
  // Which phase a whole trial failed in is not known, so neither rate is given up for other configurations.
  if (!why.empty() && oldiron::phase_of(spec.workload) == Phase::both) {
    failed_.emplace(whole_key(spec.config), why);
    return;
  }
  for (Phase phase : {Phase::prefill, Phase::decode}) {
    const bool asked =
        (phase == Phase::prefill ? spec.workload.prompt_tokens : spec.workload.generate_tokens) > 0;
    if (!asked || known(spec.config, phase)) continue;
    Known& entry = known_[key(spec.config, phase)];
    const Measurement* measured = trial.find(phase == Phase::prefill ? kPrefill : kDecode);
    if (!why.empty()) entry.failure = why;
    else if (measured == nullptr || !(measured->low > 0) || !std::isfinite(measured->high))
      entry.failure = "the engine gave no usable rate";
    else entry.rate = *measured;
    if (const Measurement* read = trial.find(kReadBandwidth); read != nullptr && phase == Phase::decode)
      entry.read_bytes_per_s = read->median;
  }
  if (!succeeded(trial)) return;
  if (reload != Reload::none && trial.provenance.load_s > 0)
    loads_[reload].push_back(trial.provenance.load_s);
  const double work_s = took_s - trial.provenance.load_s;
  const double units = work_units(spec.config, spec.workload);
  if (units > 0) pace_[oldiron::phase_of(spec.workload)].push_back(work_s / units);
}

TuneResult Search::result() && {
  result_.own_start_s = own_start_s();
  result_.stopped_by = signalled_       ? StoppedBy::signal
                       : out_of_trials_ ? StoppedBy::trials
                       : out_of_budget_ ? StoppedBy::budget
                                        : StoppedBy::done;
  return std::move(result_);
}

}  // namespace oldiron
