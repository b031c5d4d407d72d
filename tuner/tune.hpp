// tune(): the loop around a strategy. Runs nothing itself; time, trials and signals come in through
// functions.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/machine.hpp"
#include "core/model.hpp"
#include "core/quality.hpp"
#include "tuner/evaluate.hpp"
#include "tuner/objective.hpp"
#include "tuner/space.hpp"

namespace oldiron {

/// What to tune, and what it may cost.
///
/// Needs:  an engine that measures decode at depth_tokens, whether or not prompt_tokens is 0: rates of
/// single-phase trials
///         are compared with those of whole ones.
struct TuneRequest {
  /// The line that the user has now, as a configuration with what no lever says (more_front, more_flags): it runs in turns
  /// with the answer.
  std::optional<TrialSpec> yours = {};
  TrialSpec base;  ///< engine, model, workload of one turn (its verify_max and streams_max: measured once, on
                   ///< the answer; its quality_texts: on each lossy choice), budget of a trial
  /// Above 0: quality is told on a text that is read, as many of the quality_texts as that takes seconds, and four at least; 0: on texts
  /// that our engine writes, all of them.
  double quality_read_s = 0;
  std::string quality_name = {};  ///< of the workload of quality trials; empty: as of all others
  std::string why_no_quality = "not measured";  ///< said of lossy choices where quality_texts is 0
  SearchSpace space;
  Machine machine;
  ModelSpec model;
  Profile profile;  ///< empty: nothing is predicted, nothing pruned
  double budget_s =
      600;  ///< 0: no limit. Trials answered from the journal count with the time they took when they ran
  int max_trials = 0;  ///< 0: no limit; trials answered from the journal count
  std::uint64_t seed = 1;
  std::string strategy = "grid";
  int search_generate_tokens =
      32;  ///< decode steps of a search trial; finals run the workload's. 0: the workload's everywhere
  int repetitions = 3;            ///< of each finalist and the default, interleaved
  double load_s = 0;              ///< guess for the first load
  double reload_s = 0;            ///< guess for later ones, which may find the file in memory; 0: as the first
  double trial_s = 0;             ///< guess for the default's trial, loaded
  /// Above 0: where the budget holds few trials, each takes this many samples, without a warm-up; the first if it was expected.
  int few_samples = 0;
  bool keeps_model = true;        ///< the worker keeps its model between trials; false: every trial loads it
  bool starts_answer = false;     ///< the answer is started once more after the tune, as a person starts it: time for it is kept back
  bool fresh_repetitions = true;  ///< repetitions run in fresh workers, so each loads
  std::function<double()> clock = now_s;
  std::function<bool()> interrupted = {};  ///< asked before each trial
};

/// A trial about to start (`trial` is null) or finished.
struct Step {
  std::string stage;  ///< "default", "sweep", "product", "lossy", "final", "verify", "quality"
  int number = 0;     ///< 1 is the default
  TrialSpec spec;
  Reload reload = Reload::none;
  double expected_s = 0;  ///< 0: nothing known yet
  double elapsed_s = 0;   ///< of the budget
  const Trial* trial = nullptr;
};

using Progress = std::function<void(const Step&)>;

enum class StoppedBy : std::uint8_t { done, budget, trials, signal };

std::string_view to_string(StoppedBy stopped_by);

/// One value of one lever, all others as in `from`.
struct Effect {
  std::string lever;
  std::string value;
  std::string from;  ///< the value it is compared with
  Loss loss = Loss::lossless;
  std::optional<Ratio> decode;  ///< speed with / speed without; none: not changed by this lever, or failed
  std::optional<Ratio> prefill;
  std::optional<Ratio> turn;
  Verdict verdict =
      Verdict::no_effect;  ///< of the phase that the lever changes; of the turn if it changes both
  std::string reason;      ///< of a failure, or of a help that was taken back
};

struct Answer {
  Config config;
  Measurement prefill_tokens_per_s;
  Measurement decode_tokens_per_s;
  Measurement turn_s;
  bool confirmed = false;  ///< ran as this whole configuration, with the default beside it
  Duel against_default;    ///< empty for the default itself
  std::string quality;     ///< of a lossy answer: quality_text(), or why there is none
};

/// The answer beside the line that the user has.
struct Comparison {
  Answer yours;         ///< its own figures
  Duel duel;            ///< of seconds per turn: speed_ratio above 1 says that the answer is faster
  Duel reverse;         ///< candidate_wins: the user's line is faster than the answer
  Ratio decode, prefill;  ///< the answer's rate / the user's, by pairs
  int pairs = 0;        ///< 0: they did not run in turns, `failure` says why
  std::string failure;
};

/// One setting of the lossy levers that was tried, at its fastest, and its price.
struct LossyChoice {
  Config config;
  std::string changed;  ///< "n_experts=6": the lossy levers alone
  std::optional<Measurement> decode_tokens_per_s;
  std::optional<Measurement> turn_s;
  Available<Quality> quality = Available<Quality>::not_available("not measured");
};

struct TuneResult {
  std::vector<Trial> trials;  ///< in order, the default first
  std::optional<Trial> default_trial;
  std::optional<Answer>
      default_answer;              ///< the default's own figures, pooled as the answer's; none if it failed
  std::optional<Config> stand_in;  ///< the default does not run: the nearest configuration that does, compared with instead
  std::optional<Comparison> yours;  ///< none: no line was given
  std::optional<Answer> lossless;  ///< none if nothing ran, or if a fixed setting is lossy
  std::optional<Answer> lossy;     ///< none unless faster than the lossless answer
  std::vector<Effect> effects;
  std::vector<LossyChoice> lossy_choices;  ///< in the order of their first trial
  std::vector<LeftOut> left_out;  ///< levers and values that were not tried
  std::vector<VerifyCost> verify_costs;
  StoppedBy stopped_by = StoppedBy::done;
  int loads = 0;
  double elapsed_s = 0;
  double own_start_s = 0;  ///< likely to be taken by the answer's own start; 0: there is none
  int samples = 0;         ///< of the last trials
};

TuneResult tune(const TuneRequest& request, const Evaluate& evaluate, const Progress& progress = {});

struct PlannedTrial {
  std::string stage;
  TrialSpec spec;
  Reload reload = Reload::none;
  double expected_s = 0;
};

/// What a tune will do and cost, before trial 1.
struct Plan {
  std::vector<PlannedTrial> trials;
  int loads = 0;
  double expected_s = 0;  ///< within the budget
  double own_start_s = 0;  ///< of the answer, not in expected_s; within the budget too, unless that is so short that it takes a third of it
  StoppedBy stopped_by = StoppedBy::done;
};

/// Plays the tune on the predictions: one load takes `load_s`, a trial of the default `trial_s` once loaded.
/// The real path parts from it where measurements do; the plan supposes that some lever helps, so that finals
/// are in it.
Plan estimate(const TuneRequest& request, double load_s, double trial_s);

}  // namespace oldiron
