// Interleaved repetitions, the choice of the winner, and the trials that only the winner gets.
#include "tuner/finals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace oldiron {

namespace {

// Within this of the best a configuration may be the better one in truth, so it runs in the finals too.
constexpr double kPhotoFinish = 0.03;

/// start: the default, or what stands in for it; yours: the user's own line.
enum class Part : std::uint8_t { best, runner_up, start, yours };

struct Finalist {
  Config config;
  Part part = Part::best;
  std::vector<Measurement> prefill = {}, decode = {};  ///< of the final trials
  std::vector<std::optional<double>> turn_s = {};      ///< one per round; none: that trial failed
  std::string failure = {};

  bool dropped() const { return !turn_s.empty() && !turn_s.back(); }
};

bool same_losses(const Config& a, const Config& b) {
  for (const Lever& each : levers())
    if (each.loss == Loss::lossy && each.get(a) != each.get(b)) return false;
  return true;
}

/// The fastest configuration considered that `fits`; none if none ran.
template <class Fits>
std::optional<Config> fastest(const Search& search, Fits fits) {
  std::optional<Config> best;
  double best_s = 0;
  for (const Config& config : search.considered()) {
    const auto turn = search.turn(config);
    if (!turn || !fits(config) || (best && turn->median >= best_s)) continue;
    best = config;
    best_s = turn->median;
  }
  return best;
}

/// The lossless configuration that ran and has the fewest levers other than the default's.
std::optional<Config> nearest_that_ran(const Search& search) {
  const Config& start = search.default_config();
  std::optional<Config> nearest;
  for (const Config& config : search.considered()) {
    if (!search.turn(config) || !same_losses(config, start)) continue;
    if (!nearest || differences(config, start).size() < differences(*nearest, start).size()) nearest = config;
  }
  return nearest;
}

std::vector<Finalist> choose_finalists(Search& search) {
  const Config& best = search.incumbent();
  const std::optional<Config> start = nearest_that_ran(search);  // the default itself, if that ran
  if (start && *start != search.default_config()) search.record().stand_in = start;
  std::vector<Finalist> finalists;
  const auto best_turn = search.turn(best);
  if (best_turn && start != best) {
    finalists.push_back({best, Part::best});
    const auto close = fastest(search, [&](const Config& config) {
      return config != best && config != *start && same_losses(config, *start) &&
             search.turn(config)->median < best_turn->median * (1 + kPhotoFinish);
    });
    if (close) finalists.push_back({*close, Part::runner_up});
  }
  if (start) finalists.push_back({*start, Part::start});
  const auto& yours = search.request().yours;
  if (yours && !finalists.empty()) finalists.push_back({yours->config, Part::yours});
  return finalists;
}

double round_s(const Search& search, const std::vector<Finalist>& finalists, const Workload& workload) {
  double seconds = 0;
  for (const Finalist& each : finalists) seconds += search.expected_s(each.config, workload, 1);
  return seconds;
}

void interleave(Search& search, std::vector<Finalist>& finalists) {
  const TuneRequest& request = search.request();
  Workload workload = search.finals_workload();
  // Two rounds or more are wanted: for them first the runner-up gives way, then the length of the answer.
  const auto twice_fits = [&] { return 2 * round_s(search, finalists, workload) <= search.left_s(); };
  const bool few = search.trials_left() < 2 * static_cast<int>(finalists.size());
  if (few || !twice_fits()) std::erase_if(finalists, [](const Finalist& each) { return each.part == Part::runner_up; });
  if (!twice_fits()) workload = search.search_workload();
  // The default alone needs its interval, not a comparison.
  const int rounds = finalists.size() > 1 ? request.repetitions : std::min(2, request.repetitions);
  for (int round = 1; round <= rounds; ++round) {
    // Half a round compares nothing.
    // The third round and later ones leave room for what comes after.
    if (round_s(search, finalists, workload) > search.left_s() - (round > 2 ? search.after_finals_s() : 0)) return;
    if (search.trials_left() < static_cast<int>(finalists.size()) + (round > 1 ? search.after_finals_trials() : 0)) return;
    // There and back again (A D D A): a steady drift of the machine cancels, and a load is saved. The seed
    // says who begins.
    const bool backwards = (request.seed + static_cast<std::uint64_t>(round)) % 2 == 0;
    for (std::size_t i = 0; i < finalists.size(); ++i) {
      Finalist& finalist = finalists[backwards ? finalists.size() - 1 - i : i];
      if (finalist.dropped()) continue;
      const auto trial = finalist.part == Part::yours ? search.repeat_yours(round, workload, "yours")
                                                      : search.repeat(finalist.config, round, workload, "final");
      if (!trial) return;
      const Measurement* prefill = trial->find(kPrefill);
      const Measurement* decode = trial->find(kDecode);
      if ((trial->status != Status::ok && trial->status != Status::noisy) || prefill == nullptr ||
          decode == nullptr) {
        finalist.turn_s.push_back(std::nullopt);
        finalist.failure = trial->reason.empty() ? std::string(to_string(trial->status)) : trial->reason;
        continue;
      }
      finalist.prefill.push_back(*prefill);
      finalist.decode.push_back(*decode);
      finalist.turn_s.push_back(turn_s(request.base.workload, prefill->median, decode->median));
    }
  }
}

Answer answer_of(const Search& search, const Finalist& finalist) {
  Answer answer;
  answer.config = finalist.config;
  const bool repeated = !finalist.prefill.empty();
  answer.prefill_tokens_per_s = repeated
                                    ? pooled(finalist.prefill)
                                    : search.rate(finalist.config, Phase::prefill).value_or(Measurement{});
  answer.decode_tokens_per_s = repeated ? pooled(finalist.decode)
                                        : search.rate(finalist.config, Phase::decode).value_or(Measurement{});
  answer.turn_s =
      turn(search.request().base.workload, answer.prefill_tokens_per_s, answer.decode_tokens_per_s);
  answer.confirmed = repeated;
  return answer;
}

/// Samples of seconds per turn: of the search, and of every final trial.
std::vector<double> all_samples(const Search& search, const Finalist& finalist) {
  std::vector<double> samples;
  if (finalist.part != Part::yours)
    if (const auto searched = search.turn(finalist.config)) samples = searched->samples;
  for (std::size_t i = 0; i < finalist.prefill.size(); ++i) {
    const Measurement one = turn(search.request().base.workload, finalist.prefill[i], finalist.decode[i]);
    samples.insert(samples.end(), one.samples.begin(), one.samples.end());
  }
  return samples;
}

Duel compare(const Search& search, const Finalist& candidate, const Finalist& start) {
  std::vector<double> here, there;
  const std::size_t rounds = std::min(candidate.turn_s.size(), start.turn_s.size());
  for (std::size_t i = 0; i < rounds; ++i) {
    if (!candidate.turn_s[i] || !start.turn_s[i]) continue;
    here.push_back(*candidate.turn_s[i]);
    there.push_back(*start.turn_s[i]);
  }
  if (!here.empty()) return duel(here, there, all_samples(search, candidate), all_samples(search, start));
  // No room for finals: the search's own figures decide, and the answer says that it is not confirmed.
  Duel unpaired;
  const auto ratio = search.speed_ratio(candidate.config, start.config, Phase::both);
  if (ratio) unpaired = {*ratio, 1, verdict(*ratio) == Verdict::helped};
  return unpaired;
}

std::optional<Answer> pick_winner(const Search& search, const std::vector<Finalist>& finalists) {
  const Finalist* start = nullptr;
  for (const Finalist& each : finalists)
    if (each.part == Part::start && !each.dropped()) start = &each;
  std::optional<Answer> winner;
  for (const Finalist& each : finalists) {
    if (each.part == Part::start || each.part == Part::yours || each.dropped()) continue;
    Answer answer = answer_of(search, each);
    if (start != nullptr) {
      answer.against_default = compare(search, each, *start);
      if (!answer.against_default.candidate_wins) continue;
    }
    // The best comes first in the list: the runner-up takes its place only by more than noise, or with fewer
    // flags.
    const Config& from = search.default_config();
    if (winner) {
      const double gain = winner->turn_s.median / answer.turn_s.median;
      const bool simpler = differences(answer.config, from).size() < differences(winner->config, from).size();
      if (!(gain > 1 + kNoiseFloor || (simpler && gain > 1 - kNoiseFloor))) continue;
    }
    winner = answer;
  }
  if (!winner && start != nullptr) winner = answer_of(search, *start);
  return winner;
}

Ratio paired(const std::vector<Measurement>& a, const std::vector<Measurement>& b) {
  std::vector<double> here, there;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    here.push_back(a[i].median);
    there.push_back(b[i].median);
  }
  return here.empty() ? Ratio{} : paired_ratio(here, there);
}

/// Takes back what the search called a help and the turns do not show: they ran side by side, the search's trials did not.
void retract(Search& search, const std::vector<Finalist>& finalists) {
  const auto start = std::find_if(finalists.begin(), finalists.end(), [](const Finalist& each) { return each.part == Part::start; });
  if (start == finalists.end() || start->dropped() || start->prefill.empty()) return;
  for (const Finalist& each : finalists) {
    if (each.part == Part::start || each.part == Part::yours || each.dropped() || each.prefill.empty()) continue;
    const Duel duel = compare(search, each, *start);
    if (duel.candidate_wins) continue;
    const bool alone = differences(each.config, start->config).size() == 1;
    for (Effect& effect : search.record().effects) {
      if (!effect.decode && !effect.prefill) continue;  // it runs where the other does not, whatever its speed
      const Lever& record = lever(effect.lever);
      if (effect.verdict != Verdict::helped || record.get(each.config) != effect.value || record.get(start->config) == effect.value) continue;
      const bool both = effect.decode && effect.prefill;
      const Ratio& told = both ? *effect.turn : effect.decode ? *effect.decode : *effect.prefill;
      const Ratio turns = both            ? duel.speed_ratio
                          : effect.decode ? paired(each.decode, start->decode)
                                          : paired(each.prefill, start->prefill);
      if (verdict(turns) == Verdict::helped) continue;
      effect.verdict = Verdict::no_effect;
      effect.reason = fmt::format("{:+.1f} % in the search, {:+.1f} % {}in turns with the default", 100 * (told.median - 1),
                                  100 * (turns.median - 1), alone ? "" : "beside other settings ");
    }
  }
}

/// The answer beside the user's line; nothing if none was given.
std::optional<Comparison> compare_yours(const Search& search, const std::vector<Finalist>& finalists, const Answer& winner) {
  if (!search.request().yours) return std::nullopt;
  const Finalist* yours = nullptr;
  const Finalist* answer = nullptr;
  for (const Finalist& each : finalists) {
    if (each.part == Part::yours) yours = &each;
    else if (each.config == winner.config) answer = &each;
  }
  Comparison comparison;
  if (yours == nullptr || answer == nullptr || (yours->turn_s.empty() && yours->failure.empty()))
    comparison.failure = "no time was left to run it beside the answer";
  else if (yours->dropped() || yours->prefill.empty()) comparison.failure = yours->failure;
  if (!comparison.failure.empty()) return comparison;
  comparison.yours = answer_of(search, *yours);
  comparison.duel = compare(search, *answer, *yours);
  comparison.reverse = compare(search, *yours, *answer);
  comparison.decode = paired(answer->decode, yours->decode);
  comparison.prefill = paired(answer->prefill, yours->prefill);
  comparison.pairs = static_cast<int>(std::min(answer->prefill.size(), yours->prefill.size()));
  return comparison;
}

/// The fastest lossy configuration, if it beats `lossless` by more than noise; run once more as a whole.
std::optional<Answer> pick_lossy(Search& search, const Answer& lossless) {
  const auto lossy = [&](const Config& config) { return !same_losses(config, search.default_config()); };
  auto best = fastest(search, lossy);
  if (!best) return std::nullopt;
  // Its lossy settings may have been measured before the other levers found their place.
  Config joined = lossless.config;
  for (const Lever& each : levers())
    if (each.loss == Loss::lossy) each.set(joined, each.get(*best));
  if (search.measure(joined, Phase::both, "lossy")) best = fastest(search, lossy);
  const auto ratio = search.speed_ratio(*best, lossless.config, Phase::both);
  if (!ratio || verdict(*ratio) != Verdict::helped) return std::nullopt;
  Finalist finalist = {*best};
  if (const auto trial = search.repeat(*best, 1, search.finals_workload(), "final"))
    if (trial->find(kPrefill) != nullptr && trial->find(kDecode) != nullptr) {
      finalist.prefill = {*trial->find(kPrefill)};
      finalist.decode = {*trial->find(kDecode)};
    }
  return answer_of(search, finalist);
}

/// The lossy levers of `config` that are not as the model has them by itself.
std::string losses(const Search& search, const Config& config) {
  const Config own = without_losses(config, search.request().model);
  std::string text;
  for (const std::string& each : differences(config, own)) text += (text.empty() ? "" : ", ") + each;
  return text;
}

/// Every setting of the lossy levers that ran, each at its fastest.
std::vector<LossyChoice> lossy_choices(const Search& search) {
  std::vector<LossyChoice> choices;
  for (const Config& config : search.considered()) {
    const auto decode = search.rate(config, Phase::decode);
    const auto turn = search.turn(config);
    const std::string changed = losses(search, config);
    if (changed.empty() || (!decode && !turn)) continue;
    const auto known = std::find_if(choices.begin(), choices.end(), [&](const LossyChoice& c) { return c.changed == changed; });
    if (known == choices.end()) choices.push_back({config, changed, decode, turn});
    else if (turn && (!known->turn_s || turn->median < known->turn_s->median)) *known = {config, changed, decode, turn};
  }
  return choices;
}

Available<Quality> priced(Search& search, const Config& config) {
  const TuneRequest& request = search.request();
  if (request.base.workload.quality_texts <= 0) return Available<Quality>::not_available(request.why_no_quality);
  // What drafts propose changes no text.
  Config plain = config;
  plain.draft_len = 0;
  const auto trial = search.repeat(plain, 0, search.quality_workload(), "quality");
  if (!trial) return Available<Quality>::not_available(search.trials_left() > 0 ? "not measured: no time was left" : "not measured: no trial was left");
  if (const auto quality = quality_of(*trial)) return *quality;
  return Available<Quality>::not_available("not measured: " + (trial->reason.empty() ? std::string(to_string(trial->status)) : trial->reason));
}

/// Measures what each lossy choice loses, and says it beside the lossy answer.
void price_losses(Search& search) {
  TuneResult& record = search.record();
  record.lossy_choices = lossy_choices(search);
  for (LossyChoice& choice : record.lossy_choices) choice.quality = priced(search, choice.config);
  if (!record.lossy) return;
  const std::string changed = losses(search, record.lossy->config);
  for (const LossyChoice& choice : record.lossy_choices)
    if (choice.changed == changed)
      record.lossy->quality = choice.quality ? quality_text(*choice.quality) : choice.quality.reason();
}

/// What verification and batches cost at the answer.
void measure_verify(Search& search, const Config& config) {
  if (!search.verifies()) return;
  if (const auto trial = search.repeat(config, 0, search.verify_workload(), "verify"))
    search.record().verify_costs = verify_costs(*trial);
}

}  // namespace

void run_finals(Search& search) {
  search.open_reserve();
  std::vector<Finalist> finalists = choose_finalists(search);
  interleave(search, finalists);
  retract(search, finalists);
  TuneResult& record = search.record();
  for (const Finalist& each : finalists)
    if (each.part == Part::start) record.default_answer = answer_of(search, each);
  const std::optional<Answer> winner = pick_winner(search, finalists);
  if (!winner) return;
  record.yours = compare_yours(search, finalists, *winner);
  measure_verify(search, winner->config);
  record.lossy = pick_lossy(search, *winner);
  const TuneRequest& request = search.request();
  if (is_lossless(winner->config, request.machine, request.model)) {
    record.lossless = winner;
  } else if (!record.lossy) {  // a fixed setting is lossy, so that every answer is
    record.lossy = winner;
  }
  price_losses(search);
}

}  // namespace oldiron
