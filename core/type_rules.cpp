// Profiles of a card, the rules of every quantiser, and what it falls back to.
#include "core/type_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

std::string_view base_name(const TensorSpec& tensor) {
  std::string_view name = tensor.name;
  if (tensor.layer >= 0) name.remove_prefix(name.find('.', 4) + 1);
  return name;
}

/// What every quantiser leaves as F32.
bool always_f32(const TensorSpec& tensor) {
  const std::string_view name = base_name(tensor);
  const bool vector = tensor.rows() == 1;
  return vector || name.ends_with("_norm.weight") || name.starts_with("ffn_gate_inp") ||
         name.starts_with("ssm_conv1d") || name.ends_with(".bias") || name.ends_with(".scale");
}

/// The 32-weight type that llama.cpp's quantiser takes where 256 do not divide a row, then F16.
TensorType fitting(TensorType wanted, std::int64_t k) {
  TensorType type = wanted;
  if (k % info(type).block == 0) return type;
  switch (wanted) {
    case TensorType::iq1_m:
    case TensorType::iq4_xs:
    case TensorType::iq2_k:
    case TensorType::iq3_k:
      type = TensorType::iq4_nl;
      break;
    case TensorType::q2_k:
    case TensorType::q3_k:
      type = TensorType::q4_0;
      break;
    case TensorType::q4_k:
    case TensorType::iq4_k:
      type = TensorType::q5_0;
      break;
    case TensorType::q5_k:
      type = TensorType::q5_1;
      break;
    case TensorType::q6_k:
      type = TensorType::q8_0;
      break;
    default:
      break;
  }
  return k % info(type).block == 0 ? type : TensorType::f16;
}

/// [name or "*", layers or "*", type], first match wins.
struct Rule {
  std::string name;
  Json layers;
  TensorType type;

  bool matches(const TensorSpec& tensor) const {
    if (name != "*" && name != base_name(tensor)) return false;
    return layers == "*" || std::find(layers.begin(), layers.end(), tensor.layer) != layers.end();
  }
};

std::vector<Rule> rules_for(JsonReader& card, std::string_view type) {
  const Json& profiles = card.at("profiles");
  std::vector<std::string> known;
  for (const auto& [name, rows] : profiles.items()) {
    if (lower(name) == lower(type)) {
      std::vector<Rule> rules;
      for (const Json& row : rows) {
        if (!row.is_array() || row.size() != 3 || !row[0].is_string() || !row[2].is_string()) {
          throw card.error(
              fmt::format("a rule of the profile {} is [name, layers, type], not {}", name, dump_json(row)));
        }
        rules.push_back(
            {row[0].get<std::string>(), row[1], tensor_type_from_name(row[2].get<std::string>())});
      }
      return rules;
    }
    known.push_back(lower(name));
  }
  for (const TensorTypeInfo& candidate : tensor_types()) {
    if (candidate.key == lower(type)) return {{"*", "*", candidate.type}};
    known.emplace_back(candidate.key);
  }
  throw card.error(fmt::format("there is no type `{}`{}; it can be {}", type,
                               did_you_mean(lower(type), known), list_text(known, "or")));
}

TensorType ruled_type(const std::vector<Rule>& rules, const TensorSpec& tensor) {
  for (const Rule& rule : rules) {
    if (rule.matches(tensor)) return rule.type;
  }
  return TensorType::f32;
}

}  // namespace

void assign_types(ModelSpec& model, JsonReader& card, std::string_view type, std::string_view head_type) {
  const std::vector<Rule> rules = rules_for(card, type);
  std::vector<Rule> head_rules = rules;
  if (!head_type.empty()) head_rules = {{"*", "*", tensor_type_from_name(head_type)}};
  for (TensorSpec& tensor : model.tensors) {
    if (always_f32(tensor)) continue;
    tensor.type = fitting(ruled_type(tensor.role == Role::head ? head_rules : rules, tensor), tensor.k());
  }
}

}  // namespace oldiron
