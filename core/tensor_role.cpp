// What a GGUF tensor is for, read from its name.
#include "core/model.hpp"

namespace oldiron {
namespace {

struct NameRole {
  std::string_view part;

  enum Where { whole, prefix, suffix } where;

  Role role;
};

// Names without "blk.N."; the first that fits counts. Llama's, Gemma's, Qwen's and gpt-oss's tensors.
constexpr NameRole kNameRoles[] = {
    {"output.weight", NameRole::whole, Role::head},
    {"per_layer_token_embd.weight", NameRole::whole, Role::embd},
    {"ffn_gate_inp", NameRole::prefix, Role::router},
    {"_exps.weight", NameRole::suffix, Role::exps},
    {"_exps.bias", NameRole::suffix, Role::exps_bias},
    {"_exps.scale", NameRole::suffix, Role::exps_scale},
    {"_shexp.weight", NameRole::suffix, Role::shexp},
    {"ssm_dt.bias", NameRole::whole, Role::norm},
    {"ssm_norm.weight", NameRole::whole, Role::norm},
    {"ssm_a", NameRole::whole, Role::norm},
    {"ssm_", NameRole::prefix, Role::linattn},
    {"attn_qkv.weight", NameRole::whole, Role::linattn},
    {"attn_gate.weight", NameRole::whole, Role::linattn},
    {".bias", NameRole::suffix, Role::bias},
    {"nextn.pre_projection.weight", NameRole::whole, Role::proj},
    {"nextn.post_projection.weight", NameRole::whole, Role::proj},
    {"nextn.eh_proj.weight", NameRole::whole, Role::proj},
    {"per_layer_model_proj.weight", NameRole::whole, Role::ple},
    {"inp_gate.weight", NameRole::whole, Role::ple},
    {"proj.weight", NameRole::whole, Role::ple},
    {"attn_q.weight", NameRole::whole, Role::attn},
    {"attn_k.weight", NameRole::whole, Role::attn},
    {"attn_v.weight", NameRole::whole, Role::attn},
    {"attn_output.weight", NameRole::whole, Role::attn},
    {"ffn_gate.weight", NameRole::whole, Role::dense},
    {"ffn_up.weight", NameRole::whole, Role::dense},
    {"ffn_down.weight", NameRole::whole, Role::dense},
};

bool fits(std::string_view name, const NameRole& rule) {
  switch (rule.where) {
    case NameRole::whole:
      return name == rule.part;
    case NameRole::prefix:
      return name.starts_with(rule.part);
    case NameRole::suffix:
      return name.ends_with(rule.part);
  }
  return false;
}

}  // namespace

Role role_of(std::string_view tensor_name, bool tied_head) {
  std::string_view name = tensor_name;
  if (name.starts_with("blk.")) name.remove_prefix(std::min(name.find('.', 4) + 1, name.size()));
  if (name == "token_embd.weight") return tied_head ? Role::head : Role::embd;
  for (const NameRole& rule : kNameRoles) {
    if (fits(name, rule)) return rule.role;
  }
  return Role::norm;  // norms, sinks, scales, divisors: vectors, read in full
}

}  // namespace oldiron
