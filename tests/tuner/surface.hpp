// Synthetic surfaces: an evaluate() that answers from functions in no time, on a clock of its own.
#pragma once

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "core/text.hpp"
#include "tuner/tune.hpp"

namespace oldiron {

inline Machine machine_of(int cores, int threads_per_core = 1) {
  Machine machine;
  machine.cpu_model = "test";
  machine.packages = machine.nodes = 1;
  for (int i = 0; i < cores; ++i) {
    Core core;
    core.id = i;
    for (int t = 0; t < threads_per_core; ++t) core.cpus.push_back(i + t * cores);
    machine.cores.push_back(core);
  }
  return machine;
}

inline ModelSpec moe_model() {
  ModelSpec model;
  model.id = "test-moe";
  model.architecture = "gemma4";
  model.block_count = 1;
  model.embedding_length = 256;
  model.vocab_size = 512;
  model.context_length = 4096;
  model.expert_count = 128;
  model.expert_used_count = 8;
  model.expert_feed_forward_length = 64;
  model.tied_head = true;
  model.layers.resize(1);
  model.layers[0].n_head = model.layers[0].n_head_kv = 4;
  model.layers[0].key_length = model.layers[0].value_length = 64;
  model.tensors = {{"token_embd.weight", -1, {256, 512, 1, 1}, TensorType::q8_0, Role::head},
                   {"blk.0.attn_q.weight", 0, {256, 256, 1, 1}, TensorType::q8_0, Role::attn},
                   {"blk.0.ffn_down_exps.weight", 0, {64, 256, 128, 1}, TensorType::q8_0, Role::exps}};
  model.fingerprint = "0123456789abcdef";
  model.synthetic = true;
  return model;
}

inline Profile profile_of(std::vector<std::pair<int, double>> bytes_per_s) {
  Profile profile;
  for (const auto& [threads, rate] : bytes_per_s)
    profile.read.push_back({threads, summarise("read", "B/s", {rate}), 1 << 30, "scalar"});
  return profile;
}

/// A machine that is made of functions.
struct Surface {
  std::function<double(const Config&)> decode = [](const Config&) { return 10.0; };
  std::function<double(const Config&)> prefill = [](const Config&) { return 100.0; };
  std::function<std::string(const Config&)> failure = [](const Config&) { return std::string(); };
  double noise = 0;  ///< standard deviation of a sample, relative
  std::uint64_t seed = 1;
  int samples = 3;
  std::function<double(const TrialSpec&)> drag = [](const TrialSpec&) { return 1.0; };  ///< on the seconds of work, which rates do not show
  bool bench = false;  ///< samples and warm-up are as the trial says
  double load_s = 20;
  bool keeps_model = true;
  std::function<double(const Config&)> head_load_s = [](const Config&) { return 2.0; };
  Machine machine = machine_of(2);

  double now_s = 0;  ///< the clock
  std::vector<TrialSpec> asked;
  std::optional<Config> loaded;

  std::vector<double> noisy(double rate, const TrialSpec& spec, const char* what) const {
    // The same trial gives the same samples, in whatever order trials run.
    std::string text = what + std::to_string(spec.repetition);
    for (const Lever& each : levers()) text += each.get(spec.config);
    std::mt19937_64 random(hash64(text, seed));
    std::vector<double> values;
    for (int i = 0; i < (bench ? spec.budget.min_samples : samples); ++i) {
      double sum = 0;  // Irwin-Hall: twelve uniforms make a unit variance, alike on every platform
      for (int k = 0; k < 12; ++k) sum += static_cast<double>(random() >> 11) * 0x1p-53;
      values.push_back(rate * (1 + noise * (sum - 6)));
    }
    return values;
  }

  Trial operator()(const TrialSpec& spec) {
    asked.push_back(spec);
    Trial trial;
    trial.spec = spec;
    const double began_s = now_s;
    const Reload due = !loaded || !keeps_model ? Reload::all : reload_due(*loaded, spec.config, machine);
    const double load = due == Reload::all ? load_s : due == Reload::head ? head_load_s(spec.config) : 0;
    now_s += load;
    trial.provenance.load_s = load;
    trial.reason = failure(spec.config);
    if (!trial.reason.empty()) {
      trial.status = Status::failed;
      loaded.reset();
      now_s += 1;
    } else {
      trial.status = Status::ok;
      loaded = spec.config;
      const double p = prefill(spec.config), d = decode(spec.config);
      if (spec.workload.prompt_tokens > 0)
        trial.measurements.push_back(summarise(kPrefill, "tokens/s", noisy(p, spec, "p")));
      if (spec.workload.generate_tokens > 0)
        trial.measurements.push_back(summarise(kDecode, "tokens/s", noisy(d, spec, "d")));
      for (int n = 1; n <= spec.workload.verify_max; ++n)
        trial.measurements.push_back(
            summarise("verify_s/" + std::to_string(n), "s", {(0.6 + 0.4 * n) / d, (0.6 + 0.4 * n) / d}));
      if (spec.workload.quality_texts > 0) {
        const double lost = 0.01 * (8 - spec.config.n_experts);
        trial.measurements.push_back(average(kQualityKl, "nats per token", {lost, lost * 1.1}));
        trial.measurements.push_back(average(kQualityTop1, "of tokens", {1 - lost, 1 - lost}));
        now_s += 1.5 * spec.workload.quality_texts * spec.workload.quality_tokens / d;
      }
      const int runs = bench ? spec.budget.min_samples + (spec.budget.warm_up ? 1 : 0) : samples;
      now_s += drag(spec) * runs * (spec.workload.prompt_tokens / p + spec.workload.generate_tokens / d);
    }
    trial.provenance.wall_s = now_s - began_s;
    return trial;
  }
};

inline TuneRequest request_for(Surface& surface, Engine engine = Engine::oldiron) {
  TuneRequest request;
  request.base.engine = engine;
  request.base.model = "test-moe";
  request.base.type = engine == Engine::oldiron ? "q8_0" : "";
  request.machine = surface.machine;
  request.model = moe_model();
  request.space = default_space(engine, request.machine, 0, request.model, engine == Engine::oldiron);
  request.budget_s = 0;
  request.fresh_repetitions = false;
  request.keeps_model = surface.keeps_model = engine == Engine::oldiron;
  request.clock = [&surface] { return surface.now_s; };
  return request;
}

inline TuneResult run(const TuneRequest& request, Surface& surface) {
  return tune(request, [&](const TrialSpec& spec) { return surface(spec); });
}

/// What makes two runs the same path: every trial asked, in order.
inline std::vector<std::string> path(const std::vector<TrialSpec>& specs) {
  std::vector<std::string> keys;
  for (const TrialSpec& spec : specs) keys.push_back(trial_key(spec, "test", "m", "w"));
  return keys;
}

inline double threads_curve(int threads, int best) {
  return 10.0 * threads / (threads + std::abs(threads - best) + 1.0);
}

inline const Effect* effect_of(const TuneResult& result, std::string_view lever, std::string_view value) {
  for (const Effect& effect : result.effects)
    if (effect.lever == lever && effect.value == value) return &effect;
  return nullptr;
}

/// Best with 4 decode threads, 8 prefill threads, ubatch 256; fewer experts and a smaller head are faster.
inline Surface separable(int cores = 8) {
  Surface surface;
  surface.machine = machine_of(cores);
  surface.decode = [](const Config& config) {
    return threads_curve(config.decode_threads, 4) * (2 - config.n_experts / 8.0) *
           (config.head_type == HeadType::q4_0 ? 1.2 : 1);
  };
  surface.prefill = [](const Config& config) {
    return 10 * threads_curve(config.prefill_threads, 8) * (config.ubatch == 256 ? 1.3 : 1) *
           (2 - config.n_experts / 8.0);
  };
  return surface;
}

}  // namespace oldiron
