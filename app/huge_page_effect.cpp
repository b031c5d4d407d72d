#include "app/huge_page_effect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "app/commands.hpp"
#include "app/engine_tune.hpp"
#include "core/text.hpp"
#include "kernels/architecture.hpp"
#include "probes/probe_machine.hpp"
#include "probes/state.hpp"
#include "runner/run_trial.hpp"
#include "runner/worker.hpp"

namespace oldiron {

namespace {

constexpr std::int64_t kCut_bytes = 1'000'000'000;
constexpr int kPairs = 4;
constexpr int kTokens = 64;
constexpr Budget kTrial = {.seconds = 6, .min_samples = 3, .max_samples = 3};

/// As many layers as stay below 1 GB, one at least: enough not to fit into a cache, little enough to be loaded eight times.
ModelRequest cut(ModelRequest request) {
  if (request.model.empty()) request.model = "gemma-4-26b-a4b-it";
  if (is_file(request)) return request;
  if (request.type.empty()) request.type = "q4_0";
  if (request.head_type.empty() && request.type == "q4_0") request.head_type = "q6_k";
  if (request.layers > 0) return request;
  const int all = describe_model(request, cards_dir()).block_count;
  for (request.layers = 1; request.layers < all; ++request.layers) {
    ModelRequest next = request;
    ++next.layers;
    if (describe_model(next, cards_dir()).bytes() > kCut_bytes) break;
  }
  return request;
}

double decode_tokens_per_s(const Trial& trial) {
  const Measurement* decode = trial.find(kDecode);
  if (decode == nullptr)
    throw Error(fmt::format("the effect of huge pages was not measured: {}", trial.reason));
  return decode->median;
}

}  // namespace

HugePageEffect measure_huge_pages(ModelRequest request, const std::function<void(const std::string&)>& progress) {
  request = cut(std::move(request));
  const ModelSpec model = describe_model(request, cards_dir());
  if (const std::string reason = why_not_run(model); !reason.empty()) throw Error(reason);
  const Machine machine = read_machine();
  TrialSpec spec{.model = request.model, .type = request.type, .card_head_type = request.head_type};
  spec.layers = request.layers;
  spec.workload.prompt_tokens = 0;
  spec.workload.generate_tokens = kTokens;
  spec.budget = kTrial;
  EngineSet engines;
  engines.add(Engine::oldiron, "", std::make_unique<Worker>(WorkerOptions{.version = own_version()}));
  TrialContext context;
  context.machine_fingerprint = fingerprint(machine);
  context.model_fingerprint = model.fingerprint;
  HugePageEffect effect{.model = request.layers > 0 ? fmt::format("{} {} cut to {} of its layers", model.id, request.type, request.layers)
                                                    : model.id,
                        .weight_bytes = model.bytes()};
  std::vector<double> small, transparent;
  const auto decode = [&](PageSize pages) {
    Config config;
    config.page_size = pages;
    spec.config = resolve(config, machine, read_state(), model);
    ++spec.repetition;
    context.needs_bytes = own_needs_bytes(model, spec);
    const Trial trial = run_trial(spec, engines, context);
    engines.find(spec)->retire();
    const double rate = decode_tokens_per_s(trial);
    (pages == PageSize::small ? small : transparent).push_back(rate);
    if (pages == PageSize::transparent) effect.huge_page_bytes = trial.provenance.huge_page_bytes;
    if (trial.status == Status::noisy && std::find(effect.tags.begin(), effect.tags.end(), trial.reason) == effect.tags.end())
      effect.tags.push_back(trial.reason);
    progress(fmt::format("{:>11} pages: {} tokens/s", lever("page_size").get(config), rate_text(rate)));
  };
  progress(fmt::format("decoding {} ({}) with small and huge pages in turns, {} times each", effect.model,
                       bytes_text(static_cast<double>(effect.weight_bytes)), kPairs));
  for (int pair = 0; pair < kPairs; ++pair)
    for (const bool first : {true, false}) decode(first == (pair % 2 == 0) ? PageSize::small : PageSize::transparent);
  effect.small_tokens_per_s = median(small);
  effect.transparent_tokens_per_s = median(transparent);
  effect.speedup = paired_ratio(transparent, small);
  return effect;
}

}  // namespace oldiron
