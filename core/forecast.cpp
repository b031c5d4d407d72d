#include "core/forecast.hpp"

#include <algorithm>

#include "core/accounting.hpp"
#include "core/roofline.hpp"

namespace oldiron {
namespace {

Estimate product(const Estimate& a, const Estimate& b) {
  return {a.low * b.low, a.likely * b.likely, a.high * b.high};
}

/// From the other end: seconds from rates.
Estimate reciprocal(const Estimate& rate, double amount) {
  const auto over = [&](double r) { return r > 0 ? amount / r : 0; };
  return {over(rate.high), over(rate.likely), over(rate.low)};
}

/// The slower of two rates; one that is not known counts for nothing.
double slower(double a, double b) { return b > 0 ? std::min(a, b) : a; }

}  // namespace

Ability ability_of(const Machine& machine, const Profile& profile, const ModelSpec& model, const Config& config) {
  Ability ability{.measured = true};
  if (machine.modules) ability.paper_bytes_per_s = machine.modules->bytes_per_s;
  if (const BandwidthPoint* point = profile.read_point(config.decode_threads)) {
    ability.read_bytes_per_s = {point->bytes_per_s.low, point->bytes_per_s.median, point->bytes_per_s.high};
    const bool saturated = profile.read_saturated &&
                           point->bytes_per_s.median >= profile.best_read_bytes_per_s() / 1.15;
    ability.memory_wall = saturated ? "memory" : "per-core memory parallelism";
  }
  const ComputeCeiling compute = compute_ceiling(model, config, profile);
  ability.ops_per_s = {compute.ops_per_s, compute.ops_per_s, compute.ops_per_s};
  ability.instruction = compute.instruction;
  return ability;
}

Ability ability_of(const MachineCard& card, const ModelSpec& model, const Config& config) {
  Ability ability{.read_bytes_per_s = card.read_bytes_per_s,
                  .paper_bytes_per_s = card.paper_bytes_per_s,
                  .memory_wall = "memory"};
  // A card's peak is that of int8 products, which weights of 16 or 32 bits do not have.
  if (allows_int8(model, config)) {
    ability.ops_per_s = card.ops_per_s;
    ability.instruction = card.instruction;
  }
  return ability;
}

Forecast forecast(const ModelSpec& model, const Config& config, int prompt_tokens, std::int64_t context,
                  const Ability& ability) {
  Forecast out;
  out.token_bytes = step_cost(model, decode_step(context, config)).bytes();
  if (out.token_bytes <= 0) return out;
  const Estimate moved = product(ability.read_bytes_per_s, kDecodeOfRead);
  const double limit = std::max(ability.read_bytes_per_s.high, ability.paper_bytes_per_s);
  out.decode_tokens_per_s = {moved.low / out.token_bytes, moved.likely / out.token_bytes,
                             moved.high / out.token_bytes};
  out.decode_limit_tokens_per_s = limit / out.token_bytes;
  out.decode_wall = ability.memory_wall;
  if (ability.ops_per_s.high <= 0 || prompt_tokens <= 0) return out;

  const int tokens = std::min(config.ubatch, prompt_tokens);
  const StepCost step = step_cost(model, prefill_step(tokens, prompt_tokens / 2, config));
  const double flops = step.flops() / tokens, bytes = step.bytes() / tokens;
  const Estimate computed = product(ability.ops_per_s, kPrefillOfPeak);
  const Estimate& read = ability.read_bytes_per_s;
  out.prefill_tokens_per_s = {slower(computed.low / flops, read.low / bytes),
                              slower(computed.likely / flops, read.likely / bytes),
                              slower(computed.high / flops, read.high / bytes)};
  const bool memory_first = read.high > 0 && read.high / bytes < computed.high / flops;
  out.prefill_wall = memory_first ? ability.memory_wall : "arithmetic: " + ability.instruction;
  out.first_token_s = reciprocal(out.prefill_tokens_per_s, prompt_tokens);
  return out;
}

Claim judge_claim(double tokens_per_s, double token_bytes, const Ability& ability) {
  Claim claim{.tokens_per_s = tokens_per_s, .token_bytes = token_bytes, .bytes_per_s = tokens_per_s * token_bytes};
  const Estimate& read = ability.read_bytes_per_s;
  claim.limit_is_paper = ability.paper_bytes_per_s > 0;
  claim.limit_bytes_per_s = claim.limit_is_paper ? ability.paper_bytes_per_s : read.high;
  if (claim.limit_bytes_per_s <= 0) return claim;
  if (claim.bytes_per_s > claim.limit_bytes_per_s) claim.verdict = Claim::Verdict::impossible;
  else if (read.high > 0 && claim.bytes_per_s > read.high) claim.verdict = Claim::Verdict::doubtful;
  else if (claim.bytes_per_s > std::max(read.likely, read.low) * kDecodeOfRead.likely)
    claim.verdict = Claim::Verdict::stretched;
  else claim.verdict = Claim::Verdict::possible;
  return claim;
}

}  // namespace oldiron
