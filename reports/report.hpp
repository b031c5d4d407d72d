// Report: what a tune found on one machine with one model, as data; the sole input of every writer and chart.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.hpp"
#include "core/config.hpp"
#include "core/machine.hpp"
#include "core/measurement.hpp"
#include "core/model.hpp"
#include "core/power.hpp"
#include "core/quality.hpp"
#include "core/roofline.hpp"
#include "core/stats.hpp"
#include "core/trial.hpp"
#include "core/workload.hpp"

namespace oldiron::reports {

/// confirmed: this very line ran in that engine; untested: derived from our kernels; none: there is no line,
/// see reason.
enum class Basis : std::uint8_t { confirmed, untested, none };

/// The command line of one foreign engine.
struct FlagLine {
  std::vector<std::string> argv;  ///< program first, unquoted; empty with basis none
  Basis basis = Basis::none;
  std::string reason = "not asked for";  ///< why untested or none; empty if confirmed
  double turn_s = 0;  ///< of this line in this engine; only looked at if confirmed, 0: not known
  /// Of this line as it stands, started afresh and asked as a client asks; without samples: it was not.
  Measurement served_decode = {}, served_prefill = {};
  std::string finding = {};  ///< what differs from the speeds of the answer beyond the noise, or had to be changed
  bool operator==(const FlagLine&) const = default;
};

/// How long the ranks of our own decode step wait for each other.
struct BarrierWaits {
  std::vector<Measurement> share;  ///< per rank, of a step's time; empty: not measured, or one thread
  double per_step = 0;             ///< barriers
  double barrier_s = 0;            ///< one at which all arrive together
  bool operator==(const BarrierWaits&) const = default;
};

/// One configuration that the tune measured well enough to recommend or to compare with.
struct Answer {
  Engine engine = Engine::oldiron;  ///< whose kernels the figures below are of
  Config config;                    ///< resolved
  Measurement decode, prefill;      ///< tokens/s
  Measurement turn_s;               ///< seconds of one turn of the workload
  std::optional<Interval> next_decode, next_prefill;  ///< tokens/s of another start, with 95 %; none: too few starts to tell
  bool confirmed = false;  ///< ran as this whole configuration; else put together from trials of each phase
  double load_s = 0;       ///< 0: not measured
  std::int64_t memory_bytes = 0;  ///< peak resident; 0: not measured
  Wall wall;                      ///< of the decode; fraction 0: no bandwidth is known
  Wall prefill_wall;              ///< fraction 0: no compute peak is known
  Ratio speedup;                  ///< default's turn / this turn, in pairs; median 0: not compared
  int pairs = 0;                  ///< runs of this and of the default, taken in turns in fresh workers
  BarrierWaits waits;
  Measurement multiplied;  ///< operations/s of products in the caches around the prefills; without samples: not measured
  std::vector<PagesObtained> pages;  ///< of our own engine
  FlagLine llama_cpp, ik_llama;
  Measurement prefill_power_w, decode_power_w;  ///< without samples: not measured
  std::vector<Measurement> counted;  ///< events per decoded token
  std::string no_counters;           ///< why the CPU's are not among them
  Measurement dram_read;             ///< bytes/s that the memory controllers counted in decode; without samples: not measured
  std::string quality;  ///< of a lossy answer: what is known of the loss; empty: not measured
  bool operator==(const Answer&) const = default;
};

enum class Verdict : std::uint8_t { helped, no_effect, hurt, failed };

/// What changing one lever did, all others equal.
struct LeverEffect {
  std::string lever, value, from;
  Loss loss = Loss::lossless;
  Phase phase = Phase::both;  ///< which speed `ratio` is of; both: of the whole turn
  Ratio ratio;                ///< speed with `value` / speed with `from`; median 0: failed
  Verdict verdict = Verdict::no_effect;
  std::string reason;  ///< of a failure, or of a help that was taken back
  bool operator==(const LeverEffect&) const = default;
};

/// A setting of the lossy levers that was tried, and what it loses.
struct LossyChoice {
  std::string changed;  ///< "n_experts=6"
  Measurement decode;   ///< tokens/s; median 0: not measured
  Available<Quality> quality = Available<Quality>::not_available("not measured");
  bool operator==(const LossyChoice&) const = default;
};

/// Decoding with drafts on a text that the model wrote for itself.
struct DraftSpeed {
  std::string kind;  ///< "ngram"
  int length = 0;    ///< tokens drafted at most
  Measurement decode, plain;            ///< tokens/s, the same text with and without
  Measurement round_tokens;             ///< per checking step
  std::vector<Measurement> acceptance;  ///< by position, shares of those proposed
  bool operator==(const DraftSpeed&) const = default;
};

/// Cost of checking `tokens` tokens in one step; the base of every judgement on drafts.
struct VerifyCost {
  int tokens = 0;  ///< the drafts and the one token that is certain
  double step_s = 0;
  double break_even_tokens = 0;  ///< tokens a round must yield, on average, to beat plain decoding
  Wall wall = {};                ///< of the step; fraction 0: not known
  bool operator==(const VerifyCost&) const = default;
};

/// Speed of `sequences` decoded together, all of them counted.
struct StreamSpeed {
  int sequences = 0;
  Measurement tokens_per_s;
  std::string by = "oldiron's kernels";  ///< what measured it
  Wall wall = {};      ///< of a step of one token each; fraction 0: not known
  double experts = 0;  ///< distinct ones that such a step used, mean of the layers; 0: not counted, taken as independent
  bool operator==(const StreamSpeed&) const = default;
};

/// The line that the user has now, beside the answer.
struct YourLine {
  std::vector<std::string> argv = {};  ///< as it was run: translated for llama-bench
  Config config = {};
  bool lossy = false;  ///< it gives up what the answer keeps
  Measurement decode = {}, prefill = {}, turn_s = {};
  Ratio decode_ratio = {}, prefill_ratio = {};  ///< the answer's rate / its own, by pairs
  Ratio turn_ratio = {};                        ///< its seconds / the answer's
  int pairs = 0;
  bool answer_wins = false, yours_wins = false;  ///< neither: no significant winner
  std::string failure = {};                      ///< not empty: it gave no figures
  std::vector<std::string> not_compared = {};    ///< "-c 8192: llama-bench has …"
  bool operator==(const YourLine&) const = default;
};

/// A lever, or anything else that could matter, that was not tried, and why.
struct LeftOut {
  std::string lever;
  std::string reason;
  bool operator==(const LeftOut&) const = default;
};

struct BudgetUse {
  double limit_s = 0, used_s = 0;
  double load_s = 0;  ///< of used_s
  int loads = 0;
  int remembered = 0;               ///< trials taken from the journal of an earlier run
  std::string stopped_by = "done";  ///< "done", "budget", "trials" or "signal"
  bool operator==(const BudgetUse&) const = default;
};

/// A foreign engine that the user gave, and its version or why it cannot be used.
struct GivenEngine {
  Engine engine = Engine::llama_cpp;
  std::string dir;
  Available<std::string> version = Available<std::string>::not_available("not asked");
  bool operator==(const GivenEngine&) const = default;
};

struct Report {
  std::string oldiron_version;
  std::string created;  ///< UTC, ISO 8601
  std::string out_dir;
  Machine machine;
  MachineState state;
  Profile profile;
  Available<CyclicRead> cyclic = Available<CyclicRead>::not_available("not measured");
  Available<PowerMeter> power = Available<PowerMeter>::not_available("not asked for");
  Tariff tariff;
  Available<std::string> traffic = Available<std::string>::not_available("not asked for");  ///< who counts dram_read
  ModelSpec model;
  Workload workload;
  std::vector<GivenEngine> engines;
  std::vector<Trial> trials;  ///< all of them, failed ones too
  Available<Answer> lossless = Available<Answer>::not_available("no trial finished");
  Available<Answer> lossy = Available<Answer>::not_available("no lossy lever was tried");
  Available<Answer> default_answer = Available<Answer>::not_available("the defaults were not measured");
  Available<YourLine> yours = Available<YourLine>::not_available("no line was given");
  /// The default does not run, and what the answer was compared with instead: "repack=on". Empty: it runs.
  std::string stand_in, default_failure;
  std::vector<std::string> state_differences;  ///< between the default's trials and the answer's; a sentence each
  std::vector<LeverEffect> effects;
  std::vector<LossyChoice> lossy_choices;
  std::string read_text;  ///< path of the text that a foreign engine's quality was measured on; empty: on none
  std::vector<DraftSpeed> drafts;
  std::vector<VerifyCost> verify;
  std::vector<StreamSpeed> streams;
  std::string no_streams;  ///< why there are none; empty: nobody asked
  std::vector<std::string> launch_files;  ///< that start the answer's line, in out_dir
  std::vector<LeftOut> left_out;
  BudgetUse budget;
  bool operator==(const Report&) const = default;
};

std::string_view to_string(Basis basis);
std::string_view to_string(Verdict verdict);

/// The line as bash reads it back, on one line whatever the arguments hold; empty for an empty argv.
std::string command_line(const std::vector<std::string>& argv);

/// The arguments of a line, each quoted, a flag together with its value: where a line may be broken.
std::vector<std::string> command_words(const std::vector<std::string>& argv);

/// How many trials ended in each way, in the order of Status.
std::array<int, 5> count_by_status(const std::vector<Trial>& trials);

/// "Q4_0, head Q6_K": the type with most bytes, and the head's if it is another.
std::string types_text(const ModelSpec& model);

/// "repack=on, decode_threads=8": the levers in which `config` differs from `base`; empty if none.
std::string differences(const Config& config, const Config& base);

/// One role of a model's bytes: in the file, and read to decode one token.
struct RoleBytes {
  std::string name;
  double disk_bytes = 0;
  double token_bytes = 0;
  bool operator==(const RoleBytes&) const = default;
};

/// Rows whose sums are the file's tensors and bytes_per_token().total(); rows that are empty in both are left
/// out.
std::vector<RoleBytes> role_bytes(const ModelSpec& model, int n_experts, std::int64_t context,
                                  KvType kv_type);

}  // namespace oldiron::reports
