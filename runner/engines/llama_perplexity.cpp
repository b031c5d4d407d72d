// llama-perplexity of either engine: its command lines, the file of logits between them, and the adapter.
#include "runner/engines/llama_perplexity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "core/accounting.hpp"
#include "core/clock.hpp"
#include "core/text.hpp"
#include "probes/files.hpp"
#include "runner/engines/engine_end.hpp"
#include "runner/keep_log.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;
using Argv = std::vector<std::string>;

constexpr int kHeaderBytes = 20;  // of the logits: "_logits_", then tokens of a chunk, vocabulary and chunks, four bytes each
constexpr double kNormal95 = 1.96;
// llama.cpp writes its log from a thread that its end does not wait for: a run may lose the last lines, and be none the wiser.
constexpr int kMostRuns = 8;
constexpr const char* kLastFigure = "Same top p:";  // without the colon it heads a column

int scored_tokens(int chunk_tokens) { return chunk_tokens - 1 - chunk_tokens / 2; }

struct LogitsHeader {
  int chunk_tokens = 0, vocab_size = 0, chunks = 0;
};

/// Nothing if the file does not begin as one of logits does.
std::optional<LogitsHeader> read_logits_header(const std::string& path) {
  std::array<char, kHeaderBytes> raw{};
  std::ifstream file(path, std::ios::binary);
  if (!file.read(raw.data(), raw.size()) || std::memcmp(raw.data(), "_logits_", 8) != 0) return std::nullopt;
  std::array<std::int32_t, 3> fields{};
  std::memcpy(fields.data(), raw.data() + 8, sizeof fields);
  return LogitsHeader{fields[0], fields[1], fields[2]};
}

/// Of a mean and its standard error, as a metric: 95 % of a normal distribution.
Measurement measured(const char* name, const char* unit, const Figure& figure, std::vector<double> samples, double most) {
  Measurement m{.name = name, .unit = unit, .samples = std::move(samples), .median = figure.value};
  m.low = std::max(0.0, figure.value - kNormal95 * figure.error);
  m.high = std::min(most, figure.value + kNormal95 * figure.error);
  return m;
}

/// Each chunk's own mean, of means over all chunks up to it. `count`: what each is a share of, for whole numbers; 0: a mean.
std::vector<double> of_each(const std::vector<double>& running, int count) {
  std::vector<double> samples;
  double before = 0;
  for (std::size_t i = 0; i < running.size(); ++i) {
    double sum = running[i] * static_cast<double>(i + 1);
    if (count > 0) sum = std::round(sum * count) / count;
    samples.push_back(std::max(0.0, sum - before));
    before = sum;
  }
  return samples;
}

class LlamaPerplexity : public TrialEngine {
 public:
  LlamaPerplexity(FoundTool found, ModelSpec model, RunCommand run, PerplexityOptions options)
      : found_(std::move(found)), model_(std::move(model)), run_(std::move(run)), options_(std::move(options)) {
    std::error_code ignored;
    fs::remove(base_path(), ignored);  // that of a tune which was killed
  }
  ~LlamaPerplexity() override { remove_base(); }
  LlamaPerplexity(const LlamaPerplexity&) = delete;
  LlamaPerplexity& operator=(const LlamaPerplexity&) = delete;

  std::string version() override { return found_.version; }
  void retire() override { remove_base(); }

  Trial run(const TrialSpec& spec) override {
    Trial trial;
    trial.spec = spec;
    trial.provenance.engine_version = found_.version;
    try {
      const double deadline_s = spec.budget.seconds > 0 ? now_s() + spec.budget.seconds : HUGE_VAL;
      if (make_base(spec, deadline_s, trial)) compare(spec, deadline_s, trial);
    } catch (const Error& error) {
      trial.measurements.clear();
      trial.status = Status::failed;
      trial.reason = error.what();
    }
    return trial;
  }

 private:
  std::string base_path() const { return fmt::format("{}/quality-base-{}.logits", options_.dir, to_string(found_.engine)); }

  /// Leaves another adapter's file alone.
  void remove_base() {
    if (!owns_file_) return;
    owns_file_ = false;
    std::error_code ignored;
    fs::remove(base_path(), ignored);
    base_.reset();
  }

  Available<Argv> argv_of(const TrialSpec& spec, const Config& lossy) const {
    Config config;
    for (const Lever& each : levers())
      if (each.loss == Loss::lossy) each.set(config, each.get(lossy));
    config.prefill_threads = config.decode_threads = spec.config.prefill_threads;
    std::string model = spec.model;
    if (const auto file = options_.heads.find(config.head_type); file != options_.heads.end()) {
      model = file->second;
      config.head_type = HeadType::as_is;
    }
    const Flags flags = flags_for(config, found_.engine, Tool::server, [&](std::string_view flag) { return found_.knows(flag); }, false, &model_);
    if (!flags.unsupported.empty()) return Available<Argv>::not_available(fmt::format("llama-perplexity: {}", fmt::join(flags.unsupported, "; ")));
    const std::string tokens = std::to_string(spec.workload.quality_tokens);
    Argv argv = {found_.program};
    // ik_llama.cpp's leaves a llama.log where it is started; llama.cpp's would say nothing at all.
    if (found_.engine == Engine::ik_llama && found_.knows("--log-disable")) argv.emplace_back("--log-disable");
    // One chunk at a time: its logits are the largest thing that is held.
    argv.insert(argv.end(), {"-m", model, "-f", options_.text, "-c", tokens, "-b", tokens, "--chunks", std::to_string(spec.workload.quality_texts)});
    argv.insert(argv.end(), flags.argv.begin(), flags.argv.end());
    if (without_repacking_) argv.emplace_back("--no-repack");
    argv.insert(argv.end(), {"--kl-divergence-base", base_path()});
    return argv;
  }

  /// Before the first load: a disk of 50 MB/s, and a minute for everything else.
  double patience_s(double deadline_s) const {
    return std::isfinite(deadline_s) ? static_cast<double>(model_.bytes()) / 50e6 + 60 + std::max(0.0, deadline_s - now_s()) : 0;
  }

  /// Runs it and keeps its log; false if it did not end well, which the trial then says.
  bool ran(const Argv& argv, double deadline_s, Trial& trial, CommandResult& result) {
    trial.provenance.command = argv;
    result = run_(argv, patience_s(deadline_s));
    trial.provenance.log_path = keep_log(options_.log_dir, found_.engine, argv, result.out, result.err);
    trial.provenance.peak_rss_bytes = std::max(trial.provenance.peak_rss_bytes, result.end.max_rss_bytes);
    const auto bad = bad_end(result, "llama-perplexity");
    if (!bad) return true;
    trial.status = bad->status;
    trial.reason = bad->reason;
    return false;
  }

  void check_room(const TrialSpec& spec) const {
    const std::int64_t needs = base_logits_bytes(model_.vocab_size, spec.workload.quality_texts, spec.workload.quality_tokens);
    std::error_code error;
    const fs::space_info room = fs::space(options_.dir, error);
    if (error) throw Error(fmt::format("{}: what is free there cannot be read: {}", options_.dir, error.message()));
    const std::string size = bytes_text(static_cast<double>(needs));
    if (static_cast<double>(room.available) < static_cast<double>(needs))
      throw Error(fmt::format("the logits to compare with take {} and {} has {} free; choose another folder with --out", size, options_.dir,
                              bytes_text(static_cast<double>(room.available))));
    if (options_.say)
      options_.say(fmt::format("quality: {} chunks of {} tokens of {}; the logits to compare with take {} in {} until it is measured",
                               spec.workload.quality_texts, spec.workload.quality_tokens, options_.text, size, options_.dir));
  }

  /// The logits of the model's own configuration, if there are none yet that fit; false if there are none, which the trial says.
  bool make_base(const TrialSpec& spec, double deadline_s, Trial& trial) {
    const Config own = without_losses(spec.config, model_);
    for (;;) {
      const Available<Argv> argv = argv_of(spec, own);
      if (!argv) return cannot(argv.reason(), trial);
      TrialSpec any_threads = spec;
      any_threads.config.prefill_threads = 1;
      const Argv key = *argv_of(any_threads, own);
      if (base_ && base_->key == key) return true;
      remove_base();
      if (!is_file(options_.text))
        throw Error(fmt::format("there is no text to measure quality on: {} is no file", options_.text));
      check_room(spec);
      CommandResult result;
      owns_file_ = true;
      if (ran(*argv, deadline_s, trial, result)) {
        take_base(key, result);
        return true;
      }
      remove_base();
      // Its kernels for AMX are known to crash, and what they repack for is all there is to them.
      const bool may_help = found_.engine == Engine::llama_cpp && !without_repacking_ && found_.knows("--no-repack") && result.end.signal == SIGSEGV;
      if (!may_help) {
        trial.reason = "with the model's own configuration " + trial.reason;
        return false;
      }
      without_repacking_ = true;
    }
  }

  /// Checks that the file is whole: neither engine does when it writes it.
  void take_base(const Argv& key, const CommandResult& result) {
    const std::string path = base_path();
    const std::optional<LogitsHeader> header = read_logits_header(path);
    std::error_code ignored;
    const std::uintmax_t bytes = header ? fs::file_size(path, ignored) : 0;
    if (!header || header->chunks < 1 || static_cast<std::int64_t>(bytes) != base_logits_bytes(header->vocab_size, header->chunks, header->chunk_tokens)) {
      const std::string said = refusal_of(result.err.text()).line;
      remove_base();
      throw Error(fmt::format("llama-perplexity left no whole file of logits{}{}", said.empty() ? "" : "; it said: ", said));
    }
    base_ = Base{key, *header};
  }

  bool cannot(const std::string& reason, Trial& trial) const {
    trial.status = Status::unsupported;
    trial.reason = reason;
    return false;
  }

  void compare(const TrialSpec& spec, double deadline_s, Trial& trial) {
    const Available<Argv> lossy = argv_of(spec, spec.config);
    if (!lossy) {
      cannot(lossy.reason(), trial);
      return;
    }
    Argv argv = *lossy;
    argv.emplace_back("--kl-divergence");
    CommandResult result;
    std::string printed;
    for (int runs = 1;; ++runs) {
      if (!ran(argv, deadline_s, trial, result)) return;
      printed = result.out.text();
      const bool lost = found_.engine == Engine::llama_cpp && printed.find(kLastFigure) == std::string::npos;
      if (!lost || runs == kMostRuns || now_s() + result.end.wall_s > deadline_s) break;
    }
    take(read_kl_divergence(printed), spec, trial);
  }

  void take(const KlFigures& figures, const TrialSpec& spec, Trial& trial) const {
    const auto rows = static_cast<int>(figures.running_kl.size());
    if (rows != base_->header.chunks) throw Error(fmt::format("llama-perplexity printed {} rows for {} chunks", rows, base_->header.chunks));
    trial.measurements = {
        measured(kQualityKl, "nats per token", figures.kl, of_each(figures.running_kl, 0), HUGE_VAL),
        measured(kQualityTop1, "of tokens", figures.top1, of_each(figures.running_top1, scored_tokens(spec.workload.quality_tokens)), 1),
        measured(kPerplexity, "", figures.perplexity, {figures.perplexity.value}, HUGE_VAL),
        measured(kOwnPerplexity, "", figures.base_perplexity, {figures.base_perplexity.value}, HUGE_VAL)};
    for (Measurement& each : trial.measurements)
      each.tags.push_back(fmt::format("by llama-perplexity on {} chunks of {} tokens of {}; the interval is its standard error's", rows,
                                      base_->header.chunk_tokens, options_.text));
    trial.status = Status::ok;
    trial.reason.clear();
  }

  struct Base {
    Argv key;  ///< its command line, with one thread
    LogitsHeader header;
  };

  FoundTool found_;
  ModelSpec model_;
  RunCommand run_;
  PerplexityOptions options_;
  std::optional<Base> base_ = {};
  bool owns_file_ = false;
  bool without_repacking_ = false;
};

}  // namespace

std::int64_t base_logits_bytes(int vocab_size, int chunks, int chunk_tokens) {
  const std::int64_t row = 2 * (2 * ((static_cast<std::int64_t>(vocab_size) + 1) / 2) + 4);  // with a scale and a lowest value
  return kHeaderBytes + static_cast<std::int64_t>(chunks) * (4L * chunk_tokens + scored_tokens(chunk_tokens) * row);
}

std::int64_t perplexity_needs_bytes(const TrialSpec& spec, const ModelSpec& model) {
  const std::int64_t tokens = spec.workload.quality_tokens;
  return model.bytes() + kv_bytes(model, tokens, 1, static_cast<int>(tokens), KvType::f16) + 3 * 4 * tokens * model.vocab_size;
}

Available<FoundTool> find_perplexity(const FoundEngine& bench, const RunCommand& run) {
  return find_tool_beside(bench, "llama-perplexity", {"--kl-divergence", "--chunks", "-c", "-b", "-f"}, run);
}

std::unique_ptr<TrialEngine> make_llama_perplexity(FoundTool found, ModelSpec model, RunCommand run, PerplexityOptions options) {
  return std::make_unique<LlamaPerplexity>(std::move(found), std::move(model), std::move(run), std::move(options));
}

}  // namespace oldiron
