#include "reports/model_answers.hpp"

#include <algorithm>

namespace oldiron::reports {
namespace {

constexpr int kTokens[] = {1, 2, 4, 8, 16};
constexpr int kDrafted[] = {1, 3, 7};

/// Seconds of a step at the likely rates; in bytes where no rate is known, so that ratios still hold.
double step_s(const StepCost& cost, const Ability& ability) {
  const Estimate& read = ability.read_bytes_per_s;
  const double moved = std::max(read.likely, read.low) * kDecodeOfRead.likely;
  if (moved <= 0) return cost.bytes();
  const double computed = std::max(ability.ops_per_s.likely, ability.ops_per_s.low) * kPrefillOfPeak.likely;
  return std::max(cost.bytes() / moved, computed > 0 ? cost.flops() / computed : 0);
}

std::vector<Routing> routings(const ModelScreen& s) {
  std::vector<Routing> all = {Routing{}};
  if (s.model.expert_count > 0 && s.routing != all.front()) all.push_back(s.routing);
  return all;
}

StepAnswer step_answer(const ModelScreen& s, const ModelStep& step) {
  StepAnswer answer{.routing = step.routing, .tokens = step.tokens, .cost = step_cost(s.model, step)};
  const StepCost plain = step_cost(s.model, decode_step(step.context, s.config));
  const double plain_s = step_s(plain, s.ability), s_ = step_s(answer.cost, s.ability);
  if (plain_s > 0) answer.ratio = s_ / plain_s;
  if (s.ability.read_bytes_per_s.high > 0 && s_ > 0) answer.tokens_per_s = step.tokens / s_;
  return answer;
}

/// Sequences of different users are no neighbours: what keeps neighbours together says nothing of them.
Routing between_users(const Routing& routing) {
  return routing.kind == Routing::Kind::zipf ? routing : Routing{};
}

DraftAnswer draft_answer(const ModelScreen& s, const Routing& routing, int drafted) {
  DraftAnswer answer{.routing = routing, .drafted = drafted};
  const StepCost verify = step_cost(s.model, verify_step(drafted + 1, s.context, s.config, routing));
  const StepCost plain = step_cost(s.model, decode_step(s.context, s.config));
  double draft_bytes = 0, draft_s = 0;
  if (s.draft) {
    const StepCost one = step_cost(*s.draft, decode_step(s.context, Config{}));
    draft_bytes = drafted * one.bytes();
    draft_s = drafted * step_s(one, s.ability);
  }
  answer.round_bytes = draft_bytes + verify.bytes();
  const double plain_s = step_s(plain, s.ability);
  if (plain_s > 0) answer.break_even_tokens = (draft_s + step_s(verify, s.ability)) / plain_s;
  return answer;
}

EngineMemory engine_memory(const ModelScreen& s, Engine engine) {
  EngineMemory memory{.engine = engine};
  MemoryRequest request{.engine = engine,
                        .parallel = s.parallel,
                        .ubatch = s.config.ubatch,
                        .kv_type = s.config.kv_type,
                        .repack = s.config.repack == Switch::on};
  for (const std::int64_t context : contexts_of(s)) {
    request.context = context;
    memory.plans.push_back(memory_plan(s.model, request));
  }
  if (s.usable_memory_bytes) memory.largest_context = largest_context(s.model, request, *s.usable_memory_bytes);
  return memory;
}

}  // namespace

std::vector<std::int64_t> contexts_of(const ModelScreen& s) {
  std::vector<std::int64_t> contexts;
  for (const std::int64_t context : s.contexts)
    if (s.model.context_length <= 0 || context <= s.model.context_length) contexts.push_back(context);
  if (contexts.empty()) contexts.push_back(s.model.context_length);
  return contexts;
}

ModelAnswers answer(const ModelScreen& s) {
  ModelAnswers out;
  const std::int64_t after_prompt = std::int64_t{s.workload.prompt_tokens} + s.workload.generate_tokens / 2;
  out.forecast = forecast(s.model, s.config, s.workload.prompt_tokens, s.context > 0 ? s.context : after_prompt,
                          s.ability);
  for (const std::int64_t context : contexts_of(s)) {
    const Forecast f = forecast(s.model, s.config, 0, context, s.ability);
    out.depths.push_back({context, f.token_bytes, f.decode_tokens_per_s});
  }
  for (const Engine engine : {Engine::oldiron, Engine::llama_cpp, Engine::ik_llama})
    out.memory.push_back(engine_memory(s, engine));
  for (const Routing& routing : routings(s)) {
    for (const int tokens : kTokens)
      out.verify.push_back(step_answer(s, verify_step(tokens, s.context, s.config, routing)));
    for (const int drafted : kDrafted) out.drafts.push_back(draft_answer(s, routing, drafted));
  }
  for (const int users : kTokens)
    out.batch.push_back(step_answer(s, batch_step(users, s.context, s.config, between_users(s.routing))));
  if (s.claim_tokens_per_s > 0) {
    const std::int64_t context = s.context > 0 ? s.context : kClaimContext;
    out.claim = judge_claim(s.claim_tokens_per_s, forecast(s.model, s.config, 0, context, s.ability).token_bytes,
                            s.ability);
  }
  return out;
}

}  // namespace oldiron::reports
