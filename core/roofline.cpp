// Predicted times from bytes, flops and measured rates.
#include "core/roofline.hpp"

#include <algorithm>

namespace oldiron {
namespace {

// Only to order candidates before any compute rate is known: half of what one core of a 2013 server does in
// int8 with AVX2 (2.4 GHz x 32 lanes x 2 flops), less unpacking. No prediction that is shown rests on it.
constexpr double kAssumedFlopsPerThread = 40e9;

/// Tokens in the context halfway through the measured decode, which starts at the depth (core/workload.hpp).
std::int64_t mean_decode_context(const Workload& workload) {
  return workload.depth_tokens + workload.generate_tokens / 2;
}

double token_bytes(const ModelSpec& model, const Config& config, const Workload& workload) {
  return bytes_per_token(model, config.n_experts, mean_decode_context(workload), config.kv_type).total();
}

/// Prefill rate when weights stream once per ubatch while `flops_per_s` computes; the slower of the two
/// counts.
double prefill_rate(const ModelSpec& model, const Config& config, const Workload& workload,
                    double bytes_per_s, double flops_per_s) {
  if (workload.prompt_tokens == 0) return 0;
  const int step = std::min(config.ubatch, workload.prompt_tokens);
  const std::int64_t context = workload.depth_tokens + workload.prompt_tokens / 2;
  const double compute_s = flops_per_token(model, config.n_experts, context, false) / flops_per_s;
  const double bytes = bytes_per_step(model, config.n_experts, step, context, config.kv_type) / step;
  const double memory_s = bytes_per_s > 0 ? bytes / bytes_per_s : 0;
  return 1 / std::max(compute_s, memory_s);
}

}  // namespace

Prediction predict(const ModelSpec& model, const Config& config, const Workload& workload,
                   const Profile& profile, double flops_per_s) {
  const double decode =
      profile.read_bytes_per_s(config.decode_threads) / token_bytes(model, config, workload);
  const double bandwidth = profile.read_bytes_per_s(config.prefill_threads);
  const bool known = flops_per_s > 0;
  const double assumed = kAssumedFlopsPerThread * std::max(config.prefill_threads, 1);
  const double prefill = prefill_rate(model, config, workload, bandwidth, known ? flops_per_s : assumed);
  return {.decode_tokens_per_s = decode,
          .prefill_tokens_per_s = known ? prefill : 0,
          .turn_s = turn_s(workload, prefill, decode)};
}

Wall decode_wall(const ModelSpec& model, const Config& config, const Workload& workload,
                 const Profile& profile, double decode_tokens_per_s) {
  const double limit = profile.read_bytes_per_s(config.decode_threads);
  Wall wall{.name = "not measured",
            .bytes_per_s = decode_tokens_per_s * token_bytes(model, config, workload),
            .limit_bytes_per_s = limit};
  if (limit <= 0) return wall;
  wall.fraction = wall.bytes_per_s / limit;
  // With few of the threads that saturate the memory, each core's own misses in flight are the limit.
  const bool saturated = profile.read_saturated && limit >= profile.best_read_bytes_per_s() / 1.15;
  wall.name = saturated ? "memory" : "per-core memory parallelism";
  return wall;
}

}  // namespace oldiron
