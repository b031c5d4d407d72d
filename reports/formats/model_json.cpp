// The JSON of `oldiron model`; its keys are what scripts rely on.
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "reports/model_answers.hpp"
#include "reports/report.hpp"
#include "reports/screens.hpp"

namespace oldiron::reports {
namespace {

Json range(const Estimate& r) {
  if (r.high <= 0) return nullptr;
  return {{"low", r.low}, {"likely", r.likely > 0 ? Json(r.likely) : Json(nullptr)}, {"high", r.high}};
}

Json parts(const StepCost& cost) {
  Json list = Json::array();
  for (int i = 0; i < kParts; ++i) {
    const auto part = static_cast<Part>(i);
    if (cost[part] == PartCost{}) continue;
    list.push_back({{"part", to_string(part)},
                    {"read_bytes", cost[part].read_bytes},
                    {"written_bytes", cost[part].written_bytes},
                    {"flops", cost[part].flops}});
  }
  return list;
}

Json token_json(const ModelScreen& s) {
  const BytesPerToken b = bytes_per_token(s.model, s.config.n_experts, s.context, s.config.kv_type);
  return {{"always_on", b.always_on}, {"head", b.head},   {"experts", b.experts}, {"kv", b.kv},
          {"state", b.state},         {"total", b.total()}, {"attention", b.attention}, {"dense", b.dense},
          {"router", b.router},       {"norms", b.norms}};
}

Json step(const StepAnswer& step) {
  return {{"tokens", step.tokens},
          {"routing", to_string(step.routing)},
          {"distinct_experts", step.cost.distinct_experts},
          {"bytes", step.cost.bytes()},
          {"flops", step.cost.flops()},
          {"of_plain_step", step.ratio},
          {"tokens_per_s", step.tokens_per_s > 0 ? Json(step.tokens_per_s) : Json(nullptr)},
          {"parts", parts(step.cost)}};
}

Json memory(const ModelScreen& s, const ModelAnswers& a) {
  Json list = Json::array();
  const std::vector<std::int64_t> contexts = contexts_of(s);
  for (const EngineMemory& engine : a.memory)
    for (std::size_t i = 0; i < contexts.size(); ++i) {
      const MemoryPlan& plan = engine.plans[i];
      list.push_back({{"engine", to_string(engine.engine)},
                      {"context", contexts[i]},
                      {"parallel", s.parallel},
                      {"weights_bytes", plan.weights},
                      {"kv_bytes", plan.kv},
                      {"state_bytes", plan.state},
                      {"compute_bytes", plan.compute},
                      {"total_bytes", plan.total()},
                      {"fits", s.usable_memory_bytes ? Json(plan.total() <= *s.usable_memory_bytes) : Json(nullptr)}});
    }
  return list;
}

Json predicted(const ModelScreen& s, const ModelAnswers& a) {
  const Forecast& f = a.forecast;
  if (f.decode_tokens_per_s.high <= 0) return nullptr;
  const auto likely = [](const Estimate& r) { return r.likely > 0 ? Json(r.likely) : Json(nullptr); };
  Json json = {{"decode_tokens_per_s", likely(f.decode_tokens_per_s)},
               {"decode_range", range(f.decode_tokens_per_s)},
               {"decode_limit_tokens_per_s", f.decode_limit_tokens_per_s},
               {"decode_wall", f.decode_wall},
               {"token_bytes", f.token_bytes},
               {"prefill_tokens_per_s", likely(f.prefill_tokens_per_s)},
               {"prefill_range", range(f.prefill_tokens_per_s)},
               {"prefill_wall", f.prefill_wall},
               {"first_token_s", likely(f.first_token_s)},
               {"first_token_range_s", range(f.first_token_s)},
               {"prompt_tokens", s.workload.prompt_tokens},
               {"read_bytes_per_s", range(s.ability.read_bytes_per_s)},
               {"paper_bytes_per_s", s.ability.paper_bytes_per_s > 0 ? Json(s.ability.paper_bytes_per_s) : Json(nullptr)},
               {"ops_per_s", range(s.ability.ops_per_s)},
               {"measured", s.ability.measured},
               {"at_depth", Json::array()}};
  for (const DepthAnswer& depth : a.depths)
    json["at_depth"].push_back({{"context", depth.context},
                                {"token_bytes", depth.token_bytes},
                                {"decode_range", range(depth.decode_tokens_per_s)}});
  return json;
}

Json claim(const ModelScreen& s, const ModelAnswers& a) {
  if (s.claim_tokens_per_s <= 0) return nullptr;
  constexpr const char* kVerdicts[] = {"unknown", "impossible", "doubtful", "stretched", "possible"};
  return {{"tokens_per_s", a.claim.tokens_per_s},
          {"verdict", kVerdicts[static_cast<std::size_t>(a.claim.verdict)]},
          {"token_bytes", a.claim.token_bytes},
          {"bytes_per_s", a.claim.bytes_per_s},
          {"limit_bytes_per_s", a.claim.limit_bytes_per_s},
          {"limit_is_paper", a.claim.limit_is_paper},
          {"limit_tokens_per_s", a.claim.limit_tokens_per_s()}};
}

Json to_json(const ModelScreen& s) {
  const ModelSpec& m = s.model;
  const ModelAnswers a = answer(s);
  Json json = {{"model", m.id},
               {"architecture", m.architecture},
               {"fingerprint", m.fingerprint},
               {"types", types_text(m)},
               {"bytes", m.bytes()},
               {"header_bytes", m.header_bytes},
               {"n_params", m.n_params()},
               {"n_tensors", m.tensors.size()},
               {"n_experts", s.config.n_experts > 0 ? s.config.n_experts : m.expert_used_count},
               {"synthetic", m.synthetic},
               {"remarks", m.remarks},
               {"context", s.context},
               {"bytes_per_token", token_json(s)},
               {"kv_bytes_per_token", kv_bytes(m, 1, 1, 0, s.config.kv_type)},
               {"roles", Json::array()},
               {"steps",
                {{"decode", parts(step_cost(m, decode_step(s.context, s.config)))},
                 {"prefill", parts(step_cost(m, prefill_step(s.config.ubatch, s.context, s.config)))}}},
               {"verify", Json::array()},
               {"batch", Json::array()},
               {"drafts", Json::array()},
               {"memory", memory(s, a)},
               {"largest_context", Json::object()},
               {"usable_memory_bytes", s.usable_memory_bytes ? Json(*s.usable_memory_bytes) : Json(nullptr)},
               {"predicted", predicted(s, a)},
               {"claim", claim(s, a)},
               {"machine",
                {{"cpu_model", s.machine.cpu_model},
                 {"cores", s.machine.cores.size()},
                 {"memory_bytes", s.machine.memory_bytes},
                 {"described", s.described},
                 {"unverified", s.unverified},
                 {"sources", s.sources}}}};
  for (const RoleBytes& row : role_bytes(m, s.config.n_experts, s.context, s.config.kv_type))
    json["roles"].push_back({{"name", row.name}, {"file_bytes", row.disk_bytes}, {"token_bytes", row.token_bytes}});
  for (const StepAnswer& each : a.verify) json["verify"].push_back(step(each));
  for (const StepAnswer& each : a.batch) json["batch"].push_back(step(each));
  for (const DraftAnswer& each : a.drafts)
    json["drafts"].push_back({{"drafted", each.drafted},
                              {"routing", to_string(each.routing)},
                              {"drafter", s.draft ? Json(s.draft->id) : Json(nullptr)},
                              {"round_bytes", each.round_bytes},
                              {"break_even_tokens", each.break_even_tokens}});
  for (const EngineMemory& each : a.memory)
    json["largest_context"][std::string(to_string(each.engine))] =
        each.largest_context ? Json(*each.largest_context) : Json(nullptr);
  return json;
}

}  // namespace

std::string model_json(const ModelScreen& s) { return dump_json(to_json(s), 1) + "\n"; }

std::string models_json(const ModelScreen& a, const ModelScreen& b) {
  return dump_json({{"models", {to_json(a), to_json(b)}}}, 1) + "\n";
}

}  // namespace oldiron::reports
