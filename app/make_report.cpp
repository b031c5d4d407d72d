#include "app/make_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/quality_text.hpp"
#include "app/report_steps.hpp"
#include "app/served_line.hpp"
#include "app/version.hpp"
#include "core/roofline.hpp"
#include "core/text.hpp"
#include "core/trial_state.hpp"
#include "runner/engines/llama_bench.hpp"

namespace oldiron {

namespace {

// Of a configuration of ours alone: the user's line may share it and have flags of its own.
bool of_levers(const Trial& trial, const Config& config) {
  return trial.spec.config == config && trial.spec.more_flags.empty() && trial.spec.more_front.empty();
}

const Trial* whole_trial(const TuneResult& result, const Config& config) {
  const Trial* found = nullptr;
  for (const Trial& trial : result.trials)
    if (of_levers(trial, config) && trial.find(kDecode) != nullptr && trial.find(kPrefill) != nullptr &&
        (trial.status == Status::ok || trial.status == Status::noisy))
      found = &trial;
  return found;
}

// Our kernels' answer as flags of an engine that was not run: the levers that it has, and no speed.
reports::FlagLine derived_line(Engine engine, const Config& config, const EngineTune& tune,
                               const Machine& machine) {
  reports::FlagLine line;
  if (const std::string reason = why_not(engine, machine, tune.model); !reason.empty()) {
    line.reason = reason;
    return line;
  }
  Config shown = config;  // levers of ours that a server decides for itself
  shown.page_size = Config{}.page_size;
  shown.thread_wait = Config{}.thread_wait;
  shown.isa = Config{}.isa;
  shown.draft_len = Config{}.draft_len;
  shown.draft_kind = Config{}.draft_kind;
  const Flags flags = flags_for(
      shown, engine, Tool::server, [](std::string_view) { return true; }, false, &tune.model);
  line.basis = reports::Basis::untested;
  line.reason = fmt::format("found with {}; this engine was not run",
                            tune.candidate.engine == Engine::oldiron ? "oldiron's own kernels"
                                                                     : display_name(tune.candidate.engine));
  if (config.draft_len > 0) line.reason += "; its drafts are not in the line";
  const bool file = is_file(tune.candidate.request);
  line.argv = {"llama-server", "-m", file ? tune.candidate.request.model : tune.model.id + ".gguf", "-c",
               "8192"};
  line.argv.insert(line.argv.end(), flags.argv.begin(), flags.argv.end());
  for (const std::string& lacking : flags.unsupported) line.reason += "; it cannot say " + lacking;
  return line;
}

reports::FlagLine line_of(Engine engine, const Config& config, const EngineTune& tune,
                          const std::vector<EngineTune>& tunes, const Machine& machine) {
  if (tune.candidate.engine == engine) {
    if (tune.served && tune.result.lossless && config == tune.result.lossless->config) return flag_line(*tune.served, *tune.result.lossless, tune.result.trials);
    reports::FlagLine line;
    const Trial* trial = whole_trial(tune.result, config);
    if (trial == nullptr) {
      line.reason = "this configuration was not run as one line";
      return line;
    }
    line.argv = trial->provenance.command;
    line.basis = reports::Basis::confirmed;
    line.reason.clear();
    return line;
  }
  for (const EngineTune& other : tunes)
    if (other.candidate.engine == engine && other.result.lossless) {
      reports::FlagLine line = line_of(engine, other.result.lossless->config, other, tunes, machine);
      line.turn_s = other.result.lossless->turn_s.median;
      return line;
    }
  return derived_line(engine, config, tune, machine);
}

// Of the last trial that had it: a final, which ran in a process of its own.
void add_what_ran_beside(const Trial& trial, reports::Answer& out) {
  if (!trial.provenance.pages.empty()) out.pages = trial.provenance.pages;
  if (trial.find(kDecode) != nullptr) {
    out.counted.clear();
    for (const Measurement& each : trial.measurements)
      if (each.name.starts_with(kCounted)) out.counted.push_back(each);
    out.no_counters = trial.provenance.no_counters;
  }
  const Measurement* barriers = trial.find(kBarriers);
  const Measurement* barrier = trial.find(kBarrier);
  if (barriers == nullptr || barrier == nullptr) return;
  out.waits = {.share = {}, .per_step = barriers->median, .barrier_s = barrier->median};
  for (int rank = 0; rank < trial.spec.config.decode_threads; ++rank)
    if (const Measurement* share = trial.find(kBarrierWait + std::to_string(rank)))
      out.waits.share.push_back(*share);
}

/// What the worker read of the weights' own pages around the decodes of this very configuration; 0: nothing.
double own_read_rate(const TuneResult& result, const Config& config) {
  std::vector<double> samples;
  for (const Trial& trial : result.trials)
    if (const Measurement* read = trial.find(kReadBandwidth);
        read != nullptr && trial.find(kDecode) != nullptr && trial.spec.config == config)
      samples.insert(samples.end(), read->samples.begin(), read->samples.end());
  return samples.empty() ? 0 : median(samples);
}

std::vector<double> samples_of(const TuneResult& result, const Config& config, const char* metric) {
  std::vector<double> samples;
  for (const Trial& trial : result.trials)
    if (const Measurement* measured = trial.find(metric); measured != nullptr && trial.spec.config == config)
      samples.insert(samples.end(), measured->samples.begin(), measured->samples.end());
  return samples;
}

/// What products did around the prefills of this very configuration; without samples: nothing.
Measurement multiplied(const TuneResult& result, const Config& config) {
  std::vector<double> samples = samples_of(result, config, kMultiplyRate);
  return samples.empty() ? Measurement{} : summarise(kMultiplyRate, "operations/s", std::move(samples));
}

/// All readings of a meter in trials of this very configuration.
Measurement read_of(const TuneResult& result, const Config& config, const char* metric, const char* unit) {
  std::vector<double> samples = samples_of(result, config, metric);
  return samples.empty() ? Measurement{} : average(metric, unit, std::move(samples));
}

reports::Answer answer_of(const Answer& answer, const EngineTune& tune, const std::vector<EngineTune>& tunes,
                          const TuneRecord& record, const Profile& profile) {
  reports::Answer out;
  out.engine = tune.candidate.engine;
  out.config = answer.config;
  out.decode = answer.decode_tokens_per_s;
  out.prefill = answer.prefill_tokens_per_s;
  out.turn_s = answer.turn_s;
  out.next_decode = next_start(tune.result.trials, answer.config, kDecode);
  out.next_prefill = next_start(tune.result.trials, answer.config, kPrefill);
  out.confirmed = answer.confirmed;
  out.speedup = answer.against_default.speed_ratio;
  out.quality = answer.quality;
  out.decode_power_w = read_of(tune.result, answer.config, kDecodePower, "W");
  out.prefill_power_w = read_of(tune.result, answer.config, kPrefillPower, "W");
  out.dram_read = read_of(tune.result, answer.config, kDramRead, "bytes/s");
  out.multiplied = multiplied(tune.result, answer.config);
  for (const Trial& trial : tune.result.trials) {
    if (!of_levers(trial, answer.config)) continue;
    add_what_ran_beside(trial, out);
    out.load_s = std::max(out.load_s, trial.provenance.load_s);
    out.memory_bytes = std::max(out.memory_bytes, trial.provenance.peak_rss_bytes);
    if (trial.spec.repetition > 0 && out.speedup.median > 0) ++out.pairs;
  }
  out.wall = decode_wall(tune.model, answer.config, tune.request.base.workload, profile, out.decode.median,
                         own_read_rate(tune.result, answer.config));
  out.prefill_wall =
      prefill_wall(tune.model, answer.config, tune.request.base.workload, profile, out.prefill.median);
  out.llama_cpp = line_of(Engine::llama_cpp, answer.config, tune, tunes, record.machine);
  out.ik_llama = line_of(Engine::ik_llama, answer.config, tune, tunes, record.machine);
  return out;
}

reports::LeverEffect effect_of(const Effect& effect) {
  reports::LeverEffect out;
  out.lever = effect.lever;
  out.value = effect.value;
  out.from = effect.from;
  out.loss = effect.loss;
  out.reason = effect.reason;
  out.verdict = static_cast<reports::Verdict>(effect.verdict);
  if (effect.turn && effect.decode && effect.prefill) {
    out.phase = Phase::both;
    out.ratio = *effect.turn;
  } else if (effect.decode) {
    out.phase = Phase::decode;
    out.ratio = *effect.decode;
  } else if (effect.prefill) {
    out.phase = Phase::prefill;
    out.ratio = *effect.prefill;
  }
  return out;
}

static_assert(static_cast<int>(Verdict::failed) == static_cast<int>(reports::Verdict::failed));

constexpr double kSteadyBandwidth = 1.2;

std::vector<double> worker_reads(const std::vector<EngineTune>& tunes, int threads) {
  std::vector<double> samples;
  for (const EngineTune& tune : tunes)
    for (const Trial& trial : tune.result.trials)
      if (const Measurement* read = trial.find(kReadBandwidth);
          read != nullptr && trial.spec.config.decode_threads == threads)
        samples.insert(samples.end(), read->samples.begin(), read->samples.end());
  return samples;
}

// The denominator: what the probe read before and after, or what our worker read from the weights' own pages
// between its trials, if that is more.
Profile read_rates(const TuneRecord& record, const std::vector<EngineTune>& tunes) {
  Profile profile = record.profile;
  for (BandwidthPoint& point : profile.read) {
    Measurement& read = point.bytes_per_s;
    for (const BandwidthPoint& after : record.profile_after.read) {
      if (after.threads != point.threads) continue;
      const auto [low, high] = std::minmax(read.median, after.bytes_per_s.median);
      std::vector<double> both = read.samples;
      both.insert(both.end(), after.bytes_per_s.samples.begin(), after.bytes_per_s.samples.end());
      read = summarise(read.name, read.unit, both);
      if (high > kSteadyBandwidth * low)
        read.tags.push_back("noisy: " + bytes_per_s_text(low) + " and " + bytes_per_s_text(high) +
                            " before and after the trials");
    }
    const std::vector<double> samples = worker_reads(tunes, point.threads);
    if (samples.empty()) continue;
    Measurement own = summarise(read.name, read.unit, samples);
    if (own.median <= read.median) continue;
    read = own;
    point.own_pages = true;
  }
  return profile;
}

std::vector<reports::DraftSpeed> drafts_of(const TuneResult& result) {
  std::vector<reports::DraftSpeed> drafts;
  for (const Trial& trial : result.trials) {
    const Measurement* decode = trial.find(kDecode);
    const Measurement* plain = trial.find(kPlainDecode);
    if (decode == nullptr || plain == nullptr) continue;
    const Config& config = trial.spec.config;
    reports::DraftSpeed speed{.kind = lever("draft_kind").get(config), .length = config.draft_len, .decode = *decode, .plain = *plain, .round_tokens = {}, .acceptance = {}};
    if (const Measurement* tokens = trial.find(kDraftRoundTokens)) speed.round_tokens = *tokens;
    for (int position = 1; const Measurement* share = trial.find(kDraftAcceptance + std::to_string(position)); ++position)
      speed.acceptance.push_back(*share);
    // The last trial of a kind and length is the longest, and one of the finals where there were any.
    const auto same = [&](const reports::DraftSpeed& d) { return d.kind == speed.kind && d.length == speed.length; };
    const auto known = std::find_if(drafts.begin(), drafts.end(), same);
    if (known == drafts.end()) drafts.push_back(std::move(speed));
    else *known = std::move(speed);
  }
  return drafts;
}

const Trial* last_final(const TuneResult& result, const Config& config) {
  const Trial* found = nullptr;
  for (const Trial& trial : result.trials)
    if (of_levers(trial, config) && trial.find(kDecode) != nullptr) found = &trial;
  return found;
}

const Trial* last_of_yours(const EngineTune& tune) {
  const Trial* found = nullptr;
  for (const Trial& trial : tune.result.trials)
    if (tune.request.yours && trial.spec.config == tune.request.yours->config && trial.spec.more_flags == tune.request.yours->more_flags &&
        trial.spec.more_front == tune.request.yours->more_front)
      found = &trial;
  return found;
}

/// Between what the answer was compared with and the answer.
std::vector<std::string> states_of(const EngineTune& tune) {
  const TuneResult& result = tune.result;
  std::vector<std::string> sentences;
  const Trial* answer = result.lossless ? last_final(result, result.lossless->config) : nullptr;
  const Trial* base = result.default_answer ? last_final(result, result.default_answer->config) : nullptr;
  for (const auto& [other, name] : {std::pair{base, "the default"}, std::pair{last_of_yours(tune), "your line"}}) {
    if (answer == nullptr || other == nullptr || other == answer) continue;
    for (std::string& each : state_differences(*other, name, *answer, "the answer")) sentences.push_back(std::move(each));
  }
  return sentences;
}

reports::YourLine your_line(const EngineTune& tune, const TuneRecord& record) {
  const Comparison& comparison = *tune.result.yours;
  reports::YourLine out;
  out.failure = comparison.failure;
  out.not_compared = tune.not_compared;
  const TrialSpec& spec = *tune.request.yours;
  out.config = spec.config;
  out.lossy = !is_lossless(spec.config, record.machine, tune.model);
  if (const Trial* ran = last_of_yours(tune)) out.argv = ran->provenance.command;
  out.decode = comparison.yours.decode_tokens_per_s;
  out.prefill = comparison.yours.prefill_tokens_per_s;
  out.turn_s = comparison.yours.turn_s;
  out.decode_ratio = comparison.decode;
  out.prefill_ratio = comparison.prefill;
  out.turn_ratio = comparison.duel.speed_ratio;
  out.pairs = comparison.pairs;
  out.answer_wins = comparison.duel.candidate_wins;
  out.yours_wins = comparison.reverse.candidate_wins;
  return out;
}

}  // namespace

reports::Report make_report(const TuneRecord& record, const std::vector<EngineTune>& tunes,
                            const std::string& out_dir) {
  reports::Report report;
  report.oldiron_version = version();
  report.created = record.created;
  report.out_dir = out_dir;
  report.machine = record.machine;
  report.state = record.state;
  report.profile = read_rates(record, tunes);
  report.cyclic = record.cyclic;
  report.power = record.power;
  report.tariff = record.tariff;
  report.traffic = record.traffic;
  for (const RejectedCandidate& r : record.rejected)
    report.engines.push_back(
        {.engine = r.engine, .dir = r.bench, .version = Available<std::string>::not_available(r.reason)});
  CHECK(!tunes.empty(), "something was tuned");

  const EngineTune* best = &tunes.front();
  for (const EngineTune& tune : tunes) {
    if (tune.candidate.engine != Engine::oldiron)
      report.engines.push_back(
          {.engine = tune.candidate.engine, .dir = tune.candidate.bench, .version = tune.candidate.version});
    if (tune.result.lossless && (!best->result.lossless ||
                                 tune.result.lossless->turn_s.median < best->result.lossless->turn_s.median))
      best = &tune;
    report.trials.insert(report.trials.end(), tune.result.trials.begin(), tune.result.trials.end());
    report.budget.limit_s += tune.request.budget_s;
    report.budget.used_s += tune.result.elapsed_s;
    report.budget.loads += tune.result.loads;
    report.budget.remembered += tune.remembered;
    for (const Trial& trial : tune.result.trials) report.budget.load_s += trial.provenance.load_s;
    if (!tune.served) continue;
    report.budget.used_s += tune.served->trial.provenance.wall_s;
    report.budget.load_s += tune.served->trial.provenance.load_s;
    ++report.budget.loads;
  }
  const TuneResult& result = best->result;
  report.model = best->model;
  report.workload = best->request.base.workload;
  report.budget.stopped_by = to_string(result.stopped_by);
  if (result.lossless) report.lossless = answer_of(*result.lossless, *best, tunes, record, report.profile);
  else if (result.lossy)
    report.lossless = Available<reports::Answer>::not_available("every setting that was tried changes weights, experts or KV type; name the model's own value too");
  if (result.lossy) report.lossy = answer_of(*result.lossy, *best, tunes, record, report.profile);
  else if (std::any_of(result.effects.begin(), result.effects.end(),
                       [](const Effect& effect) { return effect.loss == Loss::lossy; }))
    report.lossy =
        Available<reports::Answer>::not_available("none of those tried was faster beyond the noise");
  if (result.default_answer)
    report.default_answer = answer_of(*result.default_answer, *best, tunes, record, report.profile);
  if (result.yours) report.yours = your_line(*best, record);
  if (result.stand_in) {
    report.stand_in = fmt::format("{}", fmt::join(differences(*result.stand_in, start(best->request.space, record.machine, best->model)), " "));
    report.default_failure = result.trials.front().reason;
  }
  report.state_differences = states_of(*best);
  for (const Effect& effect : result.effects) report.effects.push_back(effect_of(effect));
  report.verify = verify_of(*best, report.profile);
  for (const LeftOut& left : result.left_out) report.left_out.push_back({left.lever, left.reason});
  report.streams = streams_of(*best, report.profile);
  if (report.streams.empty()) report.no_streams = why_no_streams(*best);
  report.drafts = drafts_of(result);
  for (const LossyChoice& choice : result.lossy_choices)
    report.lossy_choices.push_back({choice.changed, choice.decode_tokens_per_s.value_or(Measurement{}), choice.quality});
  const bool any_quality = std::any_of(result.lossy_choices.begin(), result.lossy_choices.end(), [](const LossyChoice& choice) { return static_cast<bool>(choice.quality); });
  if (any_quality && best->candidate.engine != Engine::oldiron) report.read_text = text_of(record);
  return report;
}

}  // namespace oldiron
