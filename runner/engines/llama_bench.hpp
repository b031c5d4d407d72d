// What the llama-bench programs of llama.cpp and ik_llama.cpp share: command line, rows of JSON, evidence,
// ends.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.hpp"
#include "core/model.hpp"
#include "core/trial.hpp"
#include "runner/discover.hpp"
#include "runner/engine.hpp"

namespace oldiron {

/// Where the two programs differ.
struct BenchDialect {
  Engine engine;

  /// Flags that let both tests start behind `tokens` tokens of context, or why it cannot.
  Available<std::vector<std::string>> (*depth)(int tokens);

  /// One row's own words against what was asked; a sentence if they disagree. Fields that a build lacks are
  /// not judged.
  std::string (*disagreement)(const Json& row, const Config& config);

  /// What the log says that a lever did not do ("repack=on: the engine repacked no tensor").
  std::vector<std::string> (*declined)(std::string_view log, const Config& config);

  /// Flags for what the engine does by itself and this build's llama-bench does not.
  std::vector<std::string> (*own_defaults)(const FoundEngine& found, const Config& config);

  /// Flags that skip the warm-up; nothing is skipped in builds that do not know them.
  std::vector<std::string> no_warm_up;

  /// Without a warm-up the first generation is another thing than the later ones.
  bool first_generation_is_cold;

  /// How many rows of logits per token of a ubatch its compute buffer holds.
  int logit_rows;

  /// Bytes of weights that must stay in memory for this way of loading.
  std::int64_t (*weight_bytes)(const Config& config, const ModelSpec& model);

  /// Why the engine cannot work on this machine or read these tensors; empty if it can.
  std::string (*why_not)(const Machine& machine, const ModelSpec& model);
};

const BenchDialect& llama_cpp_bench();
const BenchDialect& ik_llama_bench();

/// The dialect of a foreign engine; CHECKs that it has one.
const BenchDialect& bench_dialect(Engine engine);

/// The command line of a trial: prompt and generation as two tests of one run, all levers of the config, JSON
/// on standard output, and -v, without which neither engine says why it refuses a model. The reason if
/// anything cannot be expressed.
///
/// `model` is the file's; a lever that has the model's own value needs no flag. Verification and streams are
/// not measured by llama-bench: their metrics stay absent.
/// What is applied outside the engine stands in front, for command_of() (runner/command_words.hpp); `machine`: whose CPUs
/// those words name.
Available<std::vector<std::string>> bench_argv(const TrialSpec& spec, const FoundEngine& found,
                                               const ModelSpec& model, const Machine& machine = {});

/// Whether the trial is one without a warm-up, and this build can.
bool skips_warm_up(const TrialSpec& spec, const FoundEngine& found);

/// A command line as a person pastes it into a shell.
std::string command_line(const std::vector<std::string>& argv);

/// Fills status, reason, measurements, load_s and peak_rss_bytes of `trial` from what the program left
/// behind.
///
/// load_s is the wall time less all samples and less the warm-up, taken as one median prompt and one median
/// token.
void read_bench(const CommandResult& result, const FoundEngine& found, Trial& trial);

/// Memory that the trial holds at its peak: weights, keys and values, compute buffers.
std::int64_t needs_bytes(const TrialSpec& spec, const ModelSpec& model);

/// Why `engine` cannot run `model` on `machine`; empty if nothing is known against it. Our own engine: always
/// empty.
std::string why_not(Engine engine, const Machine& machine, const ModelSpec& model);

/// The adapter. `log_dir`: where the raw output of each run is kept; empty: nowhere.
std::unique_ptr<TrialEngine> make_llama_bench(FoundEngine found, ModelSpec model,
                                              RunCommand run = run_guarded, std::string log_dir = "",
                                              Machine machine = {});

/// Helpers of the dialects: a field's value as text ("1" for true), and the sentence if it is there and is
/// not `asked`.
std::string field_text(const Json& value);
std::string differs(const Json& row, const char* field, const std::string& asked);

}  // namespace oldiron
