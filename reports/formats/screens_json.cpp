// The JSON of `oldiron model` and `oldiron probe`; its keys are what scripts rely on.
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/roofline.hpp"
#include "reports/report.hpp"
#include "reports/screens.hpp"

namespace oldiron::reports {

std::string model_json(const ModelScreen& s) {
  const ModelSpec& m = s.model;
  const BytesPerToken b = bytes_per_token(m, s.config.n_experts, s.context, s.config.kv_type);
  Json json = {{"model", m.id},
               {"architecture", m.architecture},
               {"fingerprint", m.fingerprint},
               {"types", types_text(m)},
               {"bytes", m.bytes()},
               {"n_params", m.n_params()},
               {"n_experts", s.config.n_experts > 0 ? s.config.n_experts : m.expert_used_count},
               {"synthetic", m.synthetic},
               {"context", s.context},
               {"bytes_per_token",
                {{"always_on", b.always_on},
                 {"head", b.head},
                 {"experts", b.experts},
                 {"kv", b.kv},
                 {"total", b.total()},
                 {"attention", b.attention},
                 {"dense", b.dense},
                 {"router", b.router},
                 {"norms", b.norms}}},
               {"roles", Json::array()},
               {"memory", Json::array()},
               {"predicted", nullptr}};
  for (const RoleBytes& row : role_bytes(m, s.config.n_experts, s.context, s.config.kv_type))
    json["roles"].push_back(
        {{"name", row.name}, {"file_bytes", row.disk_bytes}, {"token_bytes", row.token_bytes}});
  for (const std::int64_t context : s.memory_contexts) {
    if (m.context_length > 0 && context > m.context_length) continue;
    const std::int64_t kv = kv_bytes(m, context, 1, 0, s.config.kv_type);
    json["memory"].push_back({{"context", context},
                              {"weights_bytes", m.bytes()},
                              {"kv_bytes", kv},
                              {"total_bytes", m.bytes() + kv}});
  }
  if (s.profile.best_read_bytes_per_s() > 0) {
    const Prediction p = predict(m, s.config, s.workload, s.profile, s.flops_per_s);
    json["predicted"] = {
        {"decode_tokens_per_s", p.decode_tokens_per_s},
        {"prefill_tokens_per_s", p.prefill_tokens_per_s > 0 ? Json(p.prefill_tokens_per_s) : Json(nullptr)},
        {"read_bytes_per_s", s.profile.best_read_bytes_per_s()}};
  }
  return dump_json(json, 1) + "\n";
}

std::string probe_json(const ProbeScreen& s) {
  const Json json = {{"schema", 1},
                     {"machine", to_json(s.machine)},
                     {"fingerprint", fingerprint(s.machine)},
                     {"state", to_json(s.state)},
                     {"bandwidth", to_json(s.profile)["bandwidth"]},
                     {"bandwidth_saturated", s.profile.read_saturated},
                     {"compute", to_json(s.profile)["compute"]}};
  return dump_json(json, 1) + "\n";
}

}  // namespace oldiron::reports
