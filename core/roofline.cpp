// Predicted times from bytes, flops and measured rates.
#include "core/roofline.hpp"

#include <algorithm>

#include "core/accounting.hpp"

namespace oldiron {
namespace {

// Only to order candidates where no compute rate was measured: half of what one core of a 2013 server does in
// int8 with AVX2 (2.4 GHz x 32 lanes x 2 flops), less unpacking. No prediction that is shown rests on it.
constexpr double kAssumedFlopsPerThread = 40e9;

/// Tokens in the context halfway through the measured decode, which starts at the depth (core/workload.hpp).
std::int64_t mean_decode_context(const Workload& workload) {
  return workload.depth_tokens + workload.generate_tokens / 2;
}

double token_bytes(const ModelSpec& model, const Config& config, const Workload& workload) {
  return bytes_per_token(model, config.n_experts, mean_decode_context(workload), config.kv_type).total();
}

struct Cost {
  double flops = 0, bytes = 0;
};

/// What one token of a prefill costs when weights stream once per ubatch.
Cost prefill_cost(const ModelSpec& model, const Config& config, const Workload& workload) {
  const int step = std::min(config.ubatch, workload.prompt_tokens);
  const std::int64_t context = workload.depth_tokens + workload.prompt_tokens / 2;
  return {.flops = flops_per_token(model, config.n_experts, context, false),
          .bytes = step_cost(model, prefill_step(step, context, config)).bytes() / step};
}

/// The slower of reading and computing counts.
double prefill_rate(const ModelSpec& model, const Config& config, const Workload& workload,
                    double bytes_per_s, double flops_per_s) {
  if (workload.prompt_tokens == 0) return 0;
  const Cost cost = prefill_cost(model, config, workload);
  const double memory_s = bytes_per_s > 0 ? cost.bytes / bytes_per_s : 0;
  return 1 / std::max(cost.flops / flops_per_s, memory_s);
}

/// What the larger part of the weights can be multiplied as without another loss.
bool allows(ComputeType type, const ModelSpec& model, const Config& config) {
  if (type == ComputeType::f32) return true;
  if (config.activation_type == ActivationType::f32) return false;
  std::int64_t quantised = 0, half = 0, full = 0;
  for (const TensorSpec& tensor : model.tensors) {
    if (tensor.type == TensorType::f32) full += tensor.bytes();
    else if (tensor.type == TensorType::f16 || tensor.type == TensorType::bf16) half += tensor.bytes();
    else quantised += tensor.bytes();
  }
  if (type == ComputeType::int8) return quantised > half + full;
  return quantised + half > full;
}

/// A measured rate at another number of threads.
double scaled(const ComputePeak& peak, int threads) {
  return peak.ops_per_s.median * std::min(1.0, static_cast<double>(threads) / peak.threads);
}

/// With few of the threads that saturate the memory, each core's own misses in flight are the limit.
std::string memory_wall_name(const Profile& profile, double limit_bytes_per_s) {
  const bool saturated =
      profile.read_saturated && limit_bytes_per_s >= profile.best_read_bytes_per_s() / 1.15;
  return saturated ? "memory" : "per-core memory parallelism";
}

/// Of arithmetic and reading the one that takes longer; `rate`: how often a second `cost` was paid.
Wall slower_wall(const Cost& cost, double rate, double limit_bytes_per_s, const ComputeCeiling& compute, const Profile& profile) {
  Wall wall{.name = "not measured"};
  const double memory_s = limit_bytes_per_s > 0 ? cost.bytes / limit_bytes_per_s : 0;
  const double compute_s = compute.ops_per_s > 0 ? cost.flops / compute.ops_per_s : 0;
  wall.fraction = rate * std::max(memory_s, compute_s);
  if (wall.fraction <= 0) return wall;
  if (memory_s > compute_s) {
    wall.bytes_per_s = rate * cost.bytes;
    wall.limit_bytes_per_s = limit_bytes_per_s;
    wall.name = memory_wall_name(profile, limit_bytes_per_s);
  } else {
    wall.ops_per_s = rate * cost.flops;
    wall.limit_ops_per_s = compute.ops_per_s;
    wall.name = "compute: " + compute.instruction + " peak";
  }
  return wall;
}

}  // namespace

ComputeCeiling compute_ceiling(const ModelSpec& model, const Config& config, const Profile& profile) {
  const std::string isa = lever("isa").get(config);
  const int threads = std::max(1, config.prefill_threads);
  std::size_t end = profile.compute.size();
  if (config.isa != IsaChoice::automatic)
    while (end > 0 && profile.compute[end - 1].isa != isa) --end;
  ComputeCeiling best;
  for (std::size_t i = 0; i < end; ++i) {
    const ComputePeak& peak = profile.compute[i];
    if (!allows(peak.type, model, config)) continue;
    // Of one row's thread counts the smallest that is enough, else the largest, says how fast this many
    // threads clock.
    const bool nearest =
        std::none_of(profile.compute.begin(), profile.compute.end(), [&](const ComputePeak& other) {
          if (other.isa != peak.isa || other.type != peak.type) return false;
          return peak.threads < threads ? other.threads > peak.threads
                                        : other.threads >= threads && other.threads < peak.threads;
        });
    const double rate = scaled(peak, threads);
    if (nearest && rate > best.ops_per_s) best = {rate, peak.instruction};
  }
  return best;
}

bool allows_int8(const ModelSpec& model, const Config& config) {
  return allows(ComputeType::int8, model, config);
}

Prediction predict(const ModelSpec& model, const Config& config, const Workload& workload,
                   const Profile& profile, double flops_per_s) {
  const double decode =
      profile.read_bytes_per_s(config.decode_threads) / token_bytes(model, config, workload);
  const double bandwidth = profile.read_bytes_per_s(config.prefill_threads);
  if (flops_per_s <= 0) flops_per_s = compute_ceiling(model, config, profile).ops_per_s;
  const bool known = flops_per_s > 0;
  const double assumed = kAssumedFlopsPerThread * std::max(config.prefill_threads, 1);
  const double prefill = prefill_rate(model, config, workload, bandwidth, known ? flops_per_s : assumed);
  return {.decode_tokens_per_s = decode,
          .prefill_tokens_per_s = known ? prefill : 0,
          .turn_s = turn_s(workload, prefill, decode)};
}

Wall decode_wall(const ModelSpec& model, const Config& config, const Workload& workload,
                 const Profile& profile, double decode_tokens_per_s, double own_bytes_per_s) {
  const BandwidthPoint* point = profile.read_point(config.decode_threads);
  const double probed = profile.read_bytes_per_s(config.decode_threads);
  const double limit = std::max(probed, own_bytes_per_s);
  Wall wall{.name = "not measured",
            .bytes_per_s = decode_tokens_per_s * token_bytes(model, config, workload),
            .limit_bytes_per_s = limit,
            .own_pages = own_bytes_per_s > probed || (point != nullptr && point->own_pages)};
  if (limit <= 0) return wall;
  wall.fraction = wall.bytes_per_s / limit;
  wall.name = memory_wall_name(profile, limit);
  return wall;
}

Wall step_wall(const ModelSpec& model, const Config& config, const Profile& profile, const ModelStep& step, double step_s,
               double own_bytes_per_s) {
  const StepCost cost = step_cost(model, step);
  const double limit = std::max(profile.read_bytes_per_s(config.decode_threads), own_bytes_per_s);
  Config computing = config;
  computing.prefill_threads = config.decode_threads;
  return slower_wall({cost.flops(), cost.bytes()}, 1 / step_s, limit, compute_ceiling(model, computing, profile), profile);
}

Wall prefill_wall(const ModelSpec& model, const Config& config, const Workload& workload,
                  const Profile& profile, double prefill_tokens_per_s) {
  const ComputeCeiling compute = compute_ceiling(model, config, profile);
  if (workload.prompt_tokens == 0 || compute.ops_per_s <= 0) return {.name = "not measured"};
  return slower_wall(prefill_cost(model, config, workload), prefill_tokens_per_s, profile.read_bytes_per_s(config.prefill_threads), compute, profile);
}

}  // namespace oldiron
