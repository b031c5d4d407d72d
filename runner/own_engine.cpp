#include "runner/own_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/clock.hpp"
#include "core/team.hpp"
#include "core/text.hpp"
#include "kernels/architecture.hpp"
#include "kernels/decoder.hpp"
#include "kernels/gguf.hpp"
#include "kernels/speculation/make_drafter.hpp"
#include "probes/files.hpp"
#include "probes/probe_machine.hpp"
#include "probes/state.hpp"
#include "runner/quality_trial.hpp"
#include "runner/step_timer.hpp"
#include "runner/worker.hpp"

namespace oldiron {

struct OwnEngine::Loaded {
  TrialSpec spec;
  Team team;
  std::shared_ptr<Weights> weights;
  HeadType head = HeadType::as_is;
  TextTokens known;
  std::string draft_name;  ///< of `draft`; empty: none is loaded
  std::shared_ptr<Weights> draft;

  Loaded(TrialSpec trial_spec, const std::vector<int>& cpus, const Machine& machine)
      : spec(std::move(trial_spec)), team(cpus, spec.config.thread_wait, nodes_of(machine, cpus)) {}
};

namespace {

ModelRequest request_of(const TrialSpec& spec) {
  return {.model = spec.model, .type = spec.type, .head_type = spec.card_head_type, .layers = spec.layers};
}

/// All other anonymous memory of this process: scratch, logits, converted weights, the heap.
PagesObtained rest_of_memory(const std::vector<PagesObtained>& counted, bool explicit_pages) {
  const std::string rollup = read_text("/proc/self/smaps_rollup").value_or("");
  const auto bytes_of = [&](const char* key) { return number_after(rollup, key).value_or(0) * 1024; };
  PagesObtained rest{.use = "scratch and the rest",
                     .bytes = bytes_of("Anonymous:"),
                     .huge_page_bytes = rollup.empty() ? -1 : bytes_of("AnonHugePages:")};
  // Pages that were set aside are in neither sum.
  for (const PagesObtained& each : counted) {
    if (explicit_pages || rollup.empty()) break;
    rest.bytes -= std::max(each.bytes, each.huge_page_bytes);
    rest.huge_page_bytes -= each.huge_page_bytes;
  }
  rest.bytes = std::max(rest.bytes, rest.huge_page_bytes);
  return rest;
}

/// Requests that contradict themselves, whatever the model.
std::string why_not_asked(const TrialSpec& spec) {
  const bool drafts = spec.config.draft_len > 0;
  if (drafts && needs_draft_model(spec.config.draft_kind) && spec.draft_model.empty())
    return why_no_draft(spec.config.draft_kind, {}, nullptr);
  if (drafts && spec.workload.depth_tokens > 0)
    return "drafts are measured on a text from its beginning, since a context that was never read accepts nothing; leave out depth_tokens";
  if (spec.workload.quality_texts > 0 && spec.workload.quality_tokens < 2) return "quality needs texts of two tokens or more";
  return "";
}

}  // namespace

OwnEngine::OwnEngine(std::string cards_dir)
    : cards_dir_(std::move(cards_dir)), machine_(read_machine()) {}

OwnEngine::~OwnEngine() = default;

std::shared_ptr<Weights> OwnEngine::pack(const WeightSource& source, const Config& config, Team& team) const {
  return std::make_shared<Weights>(source, kernel_set(isa_from_name(lever("isa").get(config)), config.repack != Switch::off),
                                   config.activation_type, config.page_size, team);
}

void OwnEngine::load_draft(const TrialSpec& spec, Trial& trial) {
  const bool wanted = spec.config.draft_len > 0 && needs_draft_model(spec.config.draft_kind);
  if (!wanted || loaded_->draft_name == spec.draft_model) return;
  const double start_s = now_s();
  loaded_->draft.reset();
  loaded_->draft_name.clear();
  const auto source = open_model({.model = spec.draft_model, .type = {}, .head_type = {}}, cards_dir_);
  if (const std::string reason = why_no_draft(spec.config.draft_kind, loaded_->weights->model(), &source->model()); !reason.empty())
    throw Unsupported(reason);
  loaded_->draft = pack(*source, spec.config, loaded_->team);
  loaded_->draft_name = spec.draft_model;
  trial.provenance.load_s += now_s() - start_s;
}

void OwnEngine::load(const TrialSpec& spec, const Tell& tell, Trial& trial) {
  const int threads = std::max(spec.config.decode_threads, spec.config.prefill_threads);
  const bool fits_team = loaded_ && loaded_->team.size() >= threads;
  ModelRequest request = request_of(spec);
  const double start_s = now_s();
  if (!fits_team || !may_go_on(loaded_->spec, spec)) {
    loaded_.reset();  // frees the old weights before the new ones are asked for
    tell({.event = "loading"});
    auto next = std::make_unique<Loaded>(spec, place(machine_, threads), machine_);
    const auto source = open_model(request, cards_dir_);
    if (const std::string reason = why_not_run(source->model()); !reason.empty()) throw Unsupported(reason);
    next->weights = pack(*source, spec.config, next->team);
    if (is_file(request)) next->known = text_tokens(read_gguf_header(request.model), source->model().vocab_size);
    loaded_ = std::move(next);
    trial.provenance.load_s = now_s() - start_s;
    tell({.event = "loaded", .seconds = trial.provenance.load_s});
  }
  if (loaded_->head != spec.config.head_type) {
    if (is_file(request)) throw Unsupported("head_type: our own engine quantises no file's head again; use head_type=as_is");
    if (spec.config.head_type != HeadType::as_is) request.head_type = lever("head_type").get(spec.config);
    loaded_->weights->replace_head(*open_model(request, cards_dir_), loaded_->team);
    loaded_->head = spec.config.head_type;
    trial.provenance.load_s = now_s() - start_s;
  }
}

Trial OwnEngine::run(const TrialSpec& spec, const Tell& tell) {
  Trial trial;
  trial.spec = spec;
  const int threads = std::max(spec.config.decode_threads, spec.config.prefill_threads);
  if (const std::string reason = why_too_many_threads(threads, read_state()); !reason.empty())
    throw Unsupported(reason);
  if (const std::string reason = why_not_asked(spec); !reason.empty()) throw Unsupported(reason);
  load(spec, tell, trial);
  load_draft(spec, trial);
  loaded_->team.set_wait(spec.config.thread_wait);
  if (spec.workload.quality_texts > 0) {
    if (const std::string reason = why_no_quality(loaded_->weights->model()); !reason.empty()) throw Unsupported(reason);
    trial.measurements = quality_trial(loaded_->weights, loaded_->known, spec, loaded_->team);
    trial.status = Status::ok;
    trial.provenance.model_fingerprint = loaded_->weights->model().fingerprint;
    return trial;
  }
  StepTimer timer(loaded_->weights, {loaded_->known, loaded_->draft}, spec, loaded_->team, [&tell](const std::string& name, double value) { tell({.event = "sample", .name = name, .value = value}); });
  trial.measurements = timer.measure();
  std::vector<std::string> noisy;
  for (const Measurement& m : trial.measurements)
    std::copy_if(m.tags.begin(), m.tags.end(), std::back_inserter(noisy), [](const std::string& tag) { return tag.starts_with("noisy"); });
  trial.status = noisy.empty() ? Status::ok : Status::noisy;
  trial.reason = fmt::format("{}", fmt::join(merged_tags(noisy), "; "));
  trial.provenance.no_counters = timer.no_counters();
  trial.provenance.huge_page_bytes = loaded_->weights->huge_page_bytes();
  trial.provenance.pages = timer.pages();
  trial.provenance.pages.insert(
      trial.provenance.pages.begin(),
      {.use = "weights", .bytes = loaded_->weights->bytes(), .huge_page_bytes = trial.provenance.huge_page_bytes});
  trial.provenance.pages.push_back(
      rest_of_memory(trial.provenance.pages, spec.config.page_size == PageSize::huge));
  trial.provenance.cpus.assign(loaded_->team.cpus().begin(), loaded_->team.cpus().end());
  trial.provenance.model_fingerprint = loaded_->weights->model().fingerprint;
  return trial;
}

}  // namespace oldiron
