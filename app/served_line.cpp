#include "app/served_line.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "core/accounting.hpp"
#include "core/audit/pasted_line.hpp"
#include "core/clock.hpp"
#include "core/front_words.hpp"
#include "core/text.hpp"
#include "probes/noise.hpp"
#include "runner/command_words.hpp"
#include "tuner/objective.hpp"

namespace oldiron {

namespace {

namespace fs = std::filesystem;

constexpr int kPersonsContext = 8192;  // both engines' own choice is all that the model was trained on
constexpr int kPersonsPort = 8080;     // that both listen on by themselves
constexpr int kServedRepetition = -1;

TrialSpec spec_of(const EngineTune& tune) {
  TrialSpec spec = tune.request.base;
  spec.config = tune.result.lossless->config;
  // The line is for any folder.
  spec.model = fs::absolute(spec.model).lexically_normal();
  if (!spec.draft_model.empty()) spec.draft_model = fs::absolute(spec.draft_model).lexically_normal();
  spec.repetition = kServedRepetition;
  spec.budget.min_samples = tune.result.samples;
  spec.workload = turn_of(spec.workload);
  return spec;
}

std::string key_of(const EngineTune& tune, const TuneRecord& record) {
  return trial_key(spec_of(tune), tune.candidate.version, fingerprint(record.machine), tune.model.fingerprint);
}

/// A context to work with, if memory has it; 0: what the workload needs.
int persons_context(const EngineTune& tune, const TuneRecord& record) {
  const int context = std::min(kPersonsContext, tune.model.context_length > 0 ? static_cast<int>(tune.model.context_length) : kPersonsContext);
  const Workload& w = tune.request.base.workload;
  const Config& config = tune.result.lossless->config;
  const bool fits = tune.model.bytes() + kv_bytes(tune.model, context, 1, config.ubatch, config.kv_type) < usable_memory_bytes(record.state);
  return fits && w.depth_tokens + std::max(w.prompt_tokens, w.generate_tokens) + 8 <= context ? context : 0;
}

/// Of one trial, the first turn to warm up.
double turns_s(const EngineTune& tune) { return (1 + tune.result.samples) * tune.result.lossless->turn_s.median; }

class Starter {
 public:
  Starter(const EngineTune& tune, const TuneRecord& record, const ServeSetup& setup) : tune_(tune), record_(record), setup_(setup) {}

  Trial run(const TrialSpec& spec) {
    Trial trial;
    trial.spec = spec;
    trial.provenance.engine_version = tune_.candidate.version;
    trial.provenance.machine_fingerprint = fingerprint(record_.machine);
    trial.provenance.model_fingerprint = tune_.model.fingerprint;
    trial.provenance.started = utc_now();
    const auto argv = server_argv(spec, *setup_.server, tune_.model, persons_context(tune_, record_));
    if (!argv) {
      trial.status = Status::unsupported;
      trial.reason = argv.reason();
      return trial;
    }
    std::vector<std::string> line = words_in_front(spec.config, spec.engine, record_.machine);
    line.insert(line.end(), argv->begin(), argv->end());
    // What is started is what stands in the report, read as a shell reads it.
    std::vector<std::string> notes;
    if (shell_words(reports::command_line(line), notes) != line) {
      trial.status = Status::unsupported;
      trial.reason = "it cannot be printed so that it means itself";
      return trial;
    }
    const NoiseSnapshot before = read_noise();
    const double started_s = now_s();
    run_on_server({.vocab_size = tune_.model.vocab_size, .seconds = patience_s(), .port = kPersonsPort, .log_dir = setup_.log_dir},
                  [&](int port) { return start_of(line, port, trial); }, trial);
    trial.provenance.wall_s = now_s() - started_s;
    const std::vector<std::string> disturbed = noise_tags(noise_between(before, read_noise()));
    for (Measurement& each : trial.measurements) each.tags.insert(each.tags.end(), disturbed.begin(), disturbed.end());
    return trial;
  }

 private:
  ServerStart start_of(std::vector<std::string> argv, int port, Trial& trial) const {
    argv.insert(argv.end(), {"--host", "127.0.0.1", "--port", std::to_string(port)});
    trial.provenance.command = argv;
    std::vector<std::string> notes;
    ServerStart start;
    start.port = port;
    start.model = trial.spec.model;
    start.model_bytes = tune_.model.bytes();
    start.patience_s = load_patience_s(start.model_bytes);
    start.command = command_of(shell_words(reports::command_line(argv), notes));
    start.command.why_stop = setup_.why_stop;
    if (setup_.server->reads_key) {
      start.api_key = new_api_key();
      start.command.env.emplace_back("LLAMA_API_KEY", start.api_key);
    }
    return start;
  }

  /// What the trials took, several times over: a busy machine is no hang.
  double patience_s() const {
    constexpr double kTimes = 5;
    return std::max(tune_.request.base.budget.seconds, kTimes * turns_s(tune_));
  }

  const EngineTune& tune_;
  const TuneRecord& record_;
  const ServeSetup& setup_;
};

/// The programs in front of a line's own that this system does not have.
std::vector<std::string> not_installed(const std::vector<std::string>& argv) {
  std::vector<std::string> missing;
  const char* path = std::getenv("PATH");
  for (const std::string& word : argv) {
    if (word.find('/') != std::string::npos && assignment_in(word) == std::string::npos) break;  // the engine's own program
    if (word != "numactl" && word != "taskset") continue;
    std::istringstream folders(path != nullptr ? path : "");
    bool found = false;
    for (std::string folder; std::getline(folders, folder, ':');) found |= access((folder + "/" + word).c_str(), X_OK) == 0;
    if (!found) missing.push_back(word);
  }
  return missing;
}

/// "decode is 12 % below that of the trials", if their intervals lie apart; else empty. `next`: where a start was to be expected.
std::string apart(const char* what, const Measurement& served, const Measurement& benched, const std::optional<Interval>& next) {
  if (served.samples.empty() || benched.median <= 0) return "";
  const double off = served.median / benched.median - 1;
  const bool overlap = served.low <= benched.high && benched.low <= served.high;
  if (overlap || std::abs(off) <= kNoiseFloor) return "";
  const bool expected = next && next->low <= served.median && served.median <= next->high;
  return fmt::format("{} is {} {} that of the trials{}", what, percent_text(std::abs(off)), off < 0 ? "below" : "above",
                     expected ? ", no more than starts differ here" : "");
}

}  // namespace

double serving_s(const EngineTune& tune) {
  double load_s = 0;
  for (const Trial& trial : tune.result.trials) load_s = std::max(load_s, trial.provenance.load_s);
  return load_s + turns_s(tune);
}

std::optional<ServedLine> served_before(const EngineTune& tune, const TuneRecord& record, const Journal& journal) {
  if (!tune.result.lossless || tune.candidate.engine == Engine::oldiron) return {};
  const auto trial = journal.find(key_of(tune, record));
  if (!trial) return {};
  return ServedLine{.changed = fmt::format("{}", fmt::join(differences(trial->spec.config, tune.result.lossless->config), " ")), .trial = *trial};
}

std::optional<ServedLine> serve_answer(const EngineTune& tune, const TuneRecord& record, const ServeSetup& setup, Journal& journal) {
  if (!tune.result.lossless || tune.candidate.engine == Engine::oldiron) return {};
  if (auto before = served_before(tune, record, journal); before && before->trial.status == Status::ok) return before;
  if (!setup.server) return {};
  Starter starter(tune, record, setup);
  TrialSpec spec = spec_of(tune);
  Trial trial = starter.run(spec);
  if (trial.reason.find("SIGSEGV") != std::string::npos && spec.engine == Engine::llama_cpp && spec.config.repack == Switch::automatic) {
    spec.config.repack = Switch::off;
    if (Trial other = starter.run(spec); other.status == Status::ok) trial = std::move(other);
  }
  journal.put(key_of(tune, record), trial);
  return served_before(tune, record, journal);
}

reports::FlagLine flag_line(const ServedLine& served, const Answer& answer, const std::vector<Trial>& trials) {
  const Trial& trial = served.trial;
  reports::FlagLine line;
  line.argv = trial.provenance.command;
  if (trial.status != Status::ok) {
    line.basis = line.argv.empty() ? reports::Basis::none : reports::Basis::untested;
    line.reason = trial.provenance.load_s > 0 || !line.argv.empty() ? "started once, and " + trial.reason : trial.reason;
    return line;
  }
  line.basis = reports::Basis::confirmed;
  line.reason.clear();
  if (const Measurement* decode = trial.find(kDecode)) line.served_decode = *decode;
  if (const Measurement* prefill = trial.find(kPrefill)) line.served_prefill = *prefill;
  std::vector<std::string> findings = {
      apart("decode", line.served_decode, answer.decode_tokens_per_s, next_start(trials, answer.config, kDecode)),
      apart("prefill", line.served_prefill, answer.prefill_tokens_per_s, next_start(trials, answer.config, kPrefill))};
  if (!served.changed.empty()) findings.push_back(fmt::format("with {}: without it the server crashed", served.changed));
  for (const std::string& program : not_installed(trial.provenance.command))
    findings.push_back(fmt::format("{} is not installed here, and the line needs it (the run did its work by system calls)", program));
  std::erase(findings, "");
  // What disturbed the run is the first suspect.
  if (!findings.empty())
    for (const std::string& tag : merged_tags(line.served_decode.tags))
      if (tag.starts_with("noisy")) findings.push_back("while the machine was " + tag);
  line.finding = fmt::format("{}", fmt::join(findings, "; "));
  return line;
}

}  // namespace oldiron
