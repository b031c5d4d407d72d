// The memory of rates behind a strategy, and the trials that fill it.
#include "tuner/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace oldiron {

namespace {

// A trial slower than this many times what was expected of it is stopped: it cannot be the answer any more.
constexpr double kPatience = 4;
constexpr double kLeastDeadline_s = 30;
constexpr std::size_t kTelling = 3;  // samples whose own spread is taken for the spread

bool succeeded(const Trial& trial) { return trial.status == Status::ok || trial.status == Status::noisy; }

/// What differs then is noise, however large.
bool made_no_drafts(const Measurement* decode) {
  return decode != nullptr && std::any_of(decode->tags.begin(), decode->tags.end(), [](const std::string& tag) { return tag.ends_with(kNoDrafts); });
}

/// A setting that another one makes inert, where its value is not that of `from`. ik_llama.cpp's -rtr turns mapping off.
std::optional<LeftOut> inert_in(Engine engine, const Config& config, const Config& from) {
  const bool repacked = engine == Engine::ik_llama && config.repack == Switch::on && from.repack == Switch::on;
  if (!repacked || config.load_mode == from.load_mode) return std::nullopt;
  return LeftOut{"load_mode=" + lever("load_mode").get(config), "repack=on reads the weights into memory of its own, whatever this says"};
}

/// Whether what the machine gave around both can be compared: read by as many threads, multiplied by the same kernels.
bool same_witness(const Config& a, const Config& b, Phase phase) {
  if (phase == Phase::decode) return a.decode_threads == b.decode_threads;
  return a.prefill_threads == b.prefill_threads && a.isa == b.isa && a.repack == b.repack && a.activation_type == b.activation_type;
}

}  // namespace

Phase phase_of(const Workload& workload) {
  if (workload.prompt_tokens == 0) return Phase::decode;
  return workload.generate_tokens == 0 ? Phase::prefill : Phase::both;
}

Search::Search(const TuneRequest& request, Evaluate evaluate, Progress progress)
    : request_(request),
      evaluate_(std::move(evaluate)),
      progress_(std::move(progress)),
      prior_{&request.model, &request.profile},
      default_(start(request.space, request.machine, request.model)),
      incumbent_(default_) {
  result_.left_out = request.space.left_out;
  few_ = holds_few(request.load_s + request.trial_s);
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

const Measurement* Search::measured_rate(const Config& config, Phase phase) const {
  const auto found = known_.find(key(config, phase));
  return found == known_.end() || !found->second.failure.empty() ? nullptr : &found->second.rate;
}

std::optional<Measurement> Search::rate(const Config& config, Phase phase) const {
  const Measurement* measured = measured_rate(config, phase);
  if (measured == nullptr) return std::nullopt;
  Measurement rate = *measured;
  if (rate.samples.empty() || rate.samples.size() >= kTelling) return rate;
  // So few say little of how far apart they lie: all trials of the phase tell it together.
  const char of_phase = key(config, phase).front();
  std::vector<std::vector<double>> groups = {rate.samples};
  for (const auto& [name, known] : known_)
    if (name.front() == of_phase && &known.rate != measured && known.failure.empty()) groups.push_back(known.rate.samples);
  // With no spread to be had at all, it may be anything near, and no effect is told.
  const Interval interval = centre_interval(groups, 0).value_or(Interval{rate.median / 2, 2 * rate.median});
  rate.low = std::min(rate.low, interval.low);
  rate.high = std::max(rate.high, interval.high);
  return rate;
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
    return widened(quotient(*there, *here), drift(config, from, Phase::decode), drift(config, from, Phase::prefill));
  }
  const auto here = rate(config, phase), there = rate(from, phase);
  if (!here || !there) return std::nullopt;
  return widened(quotient(*here, *there), drift(config, from, phase));
}

double Search::drift(const Config& config, const Config& from, Phase phase) const {
  if (!same_witness(config, from, phase)) return 1;
  const auto here = known_.find(key(config, phase)), there = known_.find(key(from, phase));
  if (here == known_.end() || there == known_.end()) return 1;
  if (!(here->second.machine_gave > 0) || !(there->second.machine_gave > 0)) return 1;
  return here->second.machine_gave / there->second.machine_gave;
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
  else if (axis.lever == "draft_len" && made_no_drafts(measured_rate(config, Phase::decode))) effect.verdict = Verdict::no_effect;
  else if (const auto ratio = speed_ratio(config, from, phase)) effect.verdict = verdict(*ratio);
  else  // what it is compared with does not run at all
    effect.verdict = Verdict::helped;
  result_.effects.push_back(effect);
  return effect.verdict;
}

Reference Search::reference(Phase phase) const {
  const Measurement* measured = measured_rate(incumbent_, phase);
  return {incumbent_, measured ? measured->median : 0};
}

double Search::likely_rate(const Config& config, Phase phase) const {
  if (const Measurement* measured = measured_rate(config, phase)) return measured->median;
  return expected_tokens_per_s(prior_, config, request_.base.workload, phase, reference(phase));
}

double Search::likely_turn_s(const Config& config) const {
  const double prefill = likely_rate(config, Phase::prefill);
  const double decode = likely_rate(config, Phase::decode);
  const Workload& workload = request_.base.workload;
  return (prefill > 0 ? workload.prompt_tokens / prefill : 0) +
         (decode > 0 ? workload.generate_tokens / decode : 0);
}

bool Search::over() const { return signalled_ || trials_left() <= 0; }

void Search::leave_out(const LeftOut& entry) {
  if (std::find(result_.left_out.begin(), result_.left_out.end(), entry) == result_.left_out.end()) result_.left_out.push_back(entry);
}

void Search::leave_out(const Config& config, const std::string& reason) {
  for (const std::string& difference : differences(config, incumbent_)) leave_out({difference, reason});
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
  if (const auto inert = inert_in(request_.base.engine, config, incumbent_)) {
    leave_out(*inert);
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
  spec.budget = effort();
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
  spec.budget = effort();
  spec.workload = workload;
  spec.repetition = repetition;
  return run(spec, stage);
}

std::optional<Trial> Search::repeat_yours(int repetition, const Workload& workload, const std::string& stage) {
  if (signalled_ || !request_.yours) return std::nullopt;
  TrialSpec spec = *request_.yours;
  spec.budget = effort();
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
    if (const Measurement* gave = trial.find(phase == Phase::prefill ? kMultiplyRate : kReadBandwidth)) entry.machine_gave = gave->median;
  }
  if (!succeeded(trial)) return;
  if (reload != Reload::none && trial.provenance.load_s > 0)
    loads_[reload].push_back(trial.provenance.load_s);
  const double work_s = took_s - trial.provenance.load_s;
  const double units = work_units(spec.config, spec.workload, spec.budget);
  if (units > 0) pace_[oldiron::phase_of(spec.workload)].push_back(work_s / units);
  if (result_.trials.empty()) few_ = holds_few(trial.provenance.load_s + work_s / runs(request_, spec.budget) * runs(request_, request_.base.budget));
}

TuneResult Search::result() && {
  result_.own_start_s = own_start_s();
  result_.samples = effort().min_samples;
  result_.stopped_by = signalled_       ? StoppedBy::signal
                       : out_of_trials_ ? StoppedBy::trials
                       : out_of_budget_ ? StoppedBy::budget
                                        : StoppedBy::done;
  return std::move(result_);
}

}  // namespace oldiron
