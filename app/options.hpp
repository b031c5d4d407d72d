// What the command line asked for, as data; nothing below sees the argument parser.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/config.hpp"
#include "core/power.hpp"
#include "runner/model_source.hpp"

namespace oldiron {

struct Options {
  std::string command;  ///< empty: help or version was printed, nothing to do
  ModelRequest model;
  bool model_given = false;  ///< of tune: MODEL stood on the line
  std::map<std::string, std::string> settings;  ///< lever -> value, or list of values "1,2,4" for tune
  std::string json_path;      ///< --json
  std::string out;            ///< --out or -o: a folder (probe, tune, report) or a file (synth, logits)
  std::string engine_dir;     ///< --engine
  std::string tokenizer = "none";  ///< --tokenizer of synth
  std::string tokens;         ///< --tokens of logits, generate and quality
  std::string draft_model;    ///< --draft-model
  std::string quality_text;   ///< --text
  std::string against;        ///< --against of quality
  int texts = 8, text_tokens = 64;  ///< of quality
  std::uint64_t seed = 1;     ///< of quality
  bool check = false;         ///< of generate: decode again without drafts
  int context = 0;            ///< --context of model: tokens whose keys and values a decode step reads
  std::string second_model;   ///< of model: to set beside the first
  std::string machine;        ///< --machine of model: a described machine, a card of one, or a probe's JSON
  std::string draft;          ///< --draft of model
  std::string routing;        ///< --routing of model
  double claim = 0;           ///< --claim of model: tokens per second
  bool no_measure = false;    ///< --no-measure of model
  int prompt_tokens = 512, generate_tokens = 128;
  int depth_tokens = 0;       ///< --depth of tune
  int streams = 0;            ///< --streams of tune; 0: eight of our own engine, none of another
  double budget_s = 600;
  int max_trials = 0;         ///< 0: no limit
  std::string watts;          ///< --watts: "140" or "60,140"
  std::string power_command;  ///< --power-command
  int leave_cores = 0;        ///< --leave-cores
  double quiet_wait_s = -1;   ///< --quiet-wait; below 0: half a minute, less in a short tune
  std::string leave_memory;   ///< --leave-memory: "8G"
  bool count_traffic = false;  ///< --count-traffic
  Tariff tariff;              ///< --price, --hours-per-day
  bool measure = false;       ///< of doctor: the effect of huge pages on a decode
  int pid = 0;                ///< --pid of doctor
  std::string url, endpoint_model;  ///< of endpoint: URL, --model
  std::string compare_dir;          ///< --compare of endpoint: folder of a tune
  int repetitions = 5;              ///< of endpoint
  bool workload_given = false;      ///< --prompt or --generate stood on the line
  bool quick = false;
  bool ablate = false;        ///< --ablate of audit
  int passes = 8;             ///< --passes of audit
  bool cold = false;          ///< --cold of tune
  bool baseline = false;      ///< --baseline of tune; the line is `rest`
  bool retry = false;         ///< run failed trials again
  std::vector<std::string> rest;  ///< behind "--", of guard, audit and tune --baseline

  /// Config{} with the settings applied; throws Error for lists.
  Config config() const;
};

/// Throws Error for anything that cannot be understood.
Options parse_command_line(int argc, char** argv);

/// "90", "90s", "10m", "1h" in seconds; throws Error.
double parse_duration_s(const std::string& text);

}  // namespace oldiron
