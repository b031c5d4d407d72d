// Search: what a strategy sees. Runs trials within the budget and remembers what they said of each phase.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tuner/prior.hpp"
#include "tuner/tune.hpp"

namespace oldiron {

/// A token of a quality trial, in plain decode steps: two configurations write it beside other texts, and read it in steps
/// of 16.
inline constexpr double kQualityStepsPerToken = 1.5;
/// Of a text that a foreign engine reads: with the model's own configuration, and with the other.
inline constexpr double kQualityReadings = 2;

/// Prompts or generations that a trial runs, its warm-up among them; 1 where that is never changed.
int runs(const TuneRequest& request, const Budget& budget);

/// Steps of one token that verification and streams of a workload take as long as, about.
double wide_steps(const TuneRequest& request, const Workload& workload);

/// Which rates a workload gives.
Phase phase_of(const Workload& workload);

/// The state of one tune.
///
/// A decode rate depends only on the levers that change decode, a prefill rate only on those that change
/// prefill. So rates are kept by the part of the configuration that matters to them, and the grid falls apart
/// into a sum of two.
class Search {
 public:
  Search(const TuneRequest& request, Evaluate evaluate, Progress progress);

  const TuneRequest& request() const { return request_; }

  const Config& default_config() const { return default_; }

  /// The best lossless configuration so far; starts as the default.
  const Config& incumbent() const { return incumbent_; }

  void adopt(const Config& config) { incumbent_ = config; }

  Config with(const Config& config, std::string_view lever_name, std::string_view value) const;
  Phase phase_of(const Axis& axis) const;

  /// Makes the rates of `phase` known, by one trial at most. True if they are known now, or known to fail.
  /// False: the candidate cannot run here, cannot win, or does not fit into what is left of the budget.
  bool measure(const Config& config, Phase phase, const std::string& stage);

  /// One more run of a whole configuration, whatever is known of it. None: it does not fit, or over().
  std::optional<Trial> repeat(const Config& config, int repetition, const Workload& workload,
                              const std::string& stage);

  /// One more run of the user's own line.
  std::optional<Trial> repeat_yours(int repetition, const Workload& workload, const std::string& stage);

  /// A signal came, or no further trial is allowed: nothing that measure() does not know yet will be
  /// measured.
  bool over() const;

  int trials_left() const;

  /// Lets trials use what was kept back for the finals.
  void open_reserve() { reserve_open_ = true; }

  std::optional<Measurement> rate(const Config& config, Phase phase) const;
  std::optional<Measurement> turn(const Config& config) const;
  bool known(const Config& config, Phase phase) const;
  std::string failure(const Config& config, Phase phase) const;  ///< empty if it did not fail

  /// Speed of `config` over `from` in a phase (both: of the turn).
  std::optional<Ratio> speed_ratio(const Config& config, const Config& from, Phase phase) const;

  /// Keeps what one value of one lever did.
  Verdict note_effect(const Axis& axis, const std::string& value, const Config& config, const Config& from);

  /// Seconds of a turn, measured where known, predicted elsewhere; for ordering.
  double likely_turn_s(const Config& config) const;

  Workload search_workload() const;

  /// Of a round of finals, while there is time for it.
  Workload finals_workload() const;

  bool verifies() const;  ///< verification or streams are asked for

  /// Verification and streams alone; both 0 if they are not to be measured.
  Workload verify_workload() const;

  /// Nothing but the quality of a configuration; quality_texts 0 if it is not to be measured.
  Workload quality_workload() const;
  double expected_s(const Config& config, const Workload& workload, int repetition) const;
  /// What is measured once the answer is known: verification and streams, and the price of every lossy setting.
  double after_finals_s() const;
  int after_finals_trials() const;

  /// Of the budget, without what is kept back for the answer's own start.
  double left_s() const;

  /// Every configuration asked for, in order, each once.
  const std::vector<Config>& considered() const { return considered_; }

  /// The record of the tune.
  TuneResult& record() { return result_; }

  TuneResult result() &&;

 private:
  struct Known {
    Measurement rate;
    std::string failure;
    double machine_gave = 0;  ///< around it: reading beside a decode, multiplying beside a prefill; 0: the engine does not say
  };

  std::string key(const Config& config, Phase phase) const;
  std::string whole_key(const Config& config) const;
  /// How much more the machine gave around config's phase than around from's; 1 if not known.
  double drift(const Config& config, const Config& from, Phase phase) const;
  /// As it was measured; null: not known, or it failed.
  const Measurement* measured_rate(const Config& config, Phase phase) const;
  Reference reference(Phase phase) const;
  double likely_rate(const Config& config, Phase phase) const;
  double work_units(const Config& config, const Workload& workload, const Budget& budget) const;
  Reload reload_for(const Config& config, int repetition) const;
  double load_s(Reload reload) const;
  /// Of the next trial.
  Budget effort() const;
  /// Whether the budget has no room to look at each setting as closely as at the first, which took that long.
  bool holds_few(double trial_s) const;
  double reserve_s() const;
  /// Settings whose loss is to be told.
  int prices() const;
  double own_start_s() const;
  int reserve_trials() const;
  bool may_run(const Config& config, Phase phase);
  void leave_out(const LeftOut& entry);
  void leave_out(const Config& config, const std::string& reason);
  std::optional<Trial> run(TrialSpec spec, const std::string& stage);
  void learn(const Trial& trial, Reload reload, double took_s);

  const TuneRequest& request_;
  Evaluate evaluate_;
  Progress progress_;
  Prior prior_;
  Config default_;
  Config incumbent_;
  std::map<std::string, Known> known_;         ///< by the part of a configuration that a phase depends on
  std::map<std::string, std::string> failed_;  ///< whole configurations, with the reason
  std::set<std::string> hung_;                 ///< settings that timed out as the only change: "ubatch=256"
  std::vector<Config> considered_;
  std::optional<Config> loaded_;
  std::map<Phase, std::vector<double>> pace_;    ///< seconds of work per unit of work, as trials showed it
  std::map<Reload, std::vector<double>> loads_;  ///< seconds of loads, as trials showed them
  bool few_ = false;  ///< the budget holds few trials
  bool reserve_open_ = false;
  bool signalled_ = false;
  bool out_of_budget_ = false;  ///< likewise
  bool out_of_trials_ = false;  ///< something was not tried for it
  TuneResult result_;
};

}  // namespace oldiron
