// Model cards: JSON with the shapes of a model, expanded to every tensor of a file of a given type.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "core/json.hpp"
#include "core/json_reader.hpp"
#include "core/model.hpp"
#include "core/text.hpp"
#include "core/type_rules.hpp"

namespace oldiron {
namespace {

// Facts that stand in cards for decoders and readers; nothing here needs them.
constexpr const char* kUnusedKeys[] = {"activation",
                                       "attention.output_gate",
                                       "attention.sinks",
                                       "attention.v_norm",
                                       "block_count_with_mtp",
                                       "draft_position",
                                       "expert_gating",
                                       "expert_shared_feed_forward_length",
                                       "expert_weights_sum_clamp_min",
                                       "file_bytes",
                                       "full_attention_interval",
                                       "kv",
                                       "kv_from_target_layer",
                                       "nextn_predict_layers",
                                       "rope.dimension_sections",
                                       "rope.type",
                                       "router_input",
                                       "shared_expert_gate",
                                       "ssm.conv_kernel",
                                       "ssm.group_count",
                                       "ssm.inner_size",
                                       "ssm.state_size",
                                       "ssm.time_step_rank",
                                       "swiglu_alpha",
                                       "swiglu_limit"};

constexpr Role kRoles[] = {Role::attn,      Role::linattn,    Role::dense,  Role::shexp, Role::exps,
                           Role::exps_bias, Role::exps_scale, Role::router, Role::norm,  Role::bias,
                           Role::proj,      Role::ple,        Role::head,   Role::embd,  Role::unused};

/// One row of a card's `tensors`.
struct CardTensor {
  std::string name;  ///< without "blk.N."
  Json layers;       ///< null, "all", a letter of the pattern, or a list
  std::vector<std::int64_t> ne = {};
  Role role = Role::norm;
};

class Card {
 public:
  explicit Card(const std::string& path) : json_(parse_json(read_file(path), path)), reader_(json_, path) {}

  ModelSpec model(std::string_view type, std::string_view head_type);

 private:
  int optional_int(const char* key) {
    int value = 0;
    if (reader_.has(key)) reader_.read(key, value);
    return value;
  }

  double optional_double(const char* key, double otherwise) {
    double value = otherwise;
    if (reader_.has(key) && !reader_.at(key).is_null()) reader_.read(key, value);
    return value;
  }

  std::string read_pattern(int block_count);
  std::vector<double> read_rope_freqs(ModelSpec& model);
  void read_layers(ModelSpec& model);
  void read_state(ModelSpec& model);
  void read_rope_scaling(ModelSpec& model);
  CardTensor read_tensor(const Json& row) const;
  void expand_tensors(ModelSpec& model);
  void check(const ModelSpec& model);

  bool selects(const Json& layers, int layer) const;

  Json json_;
  JsonReader reader_;
  std::string pattern_;  ///< a letter per layer: S sliding, F full, L linear attention
};

/// "SSSSSF" five times, or F throughout.
std::string Card::read_pattern(int block_count) {
  std::string pattern(static_cast<std::size_t>(block_count), 'F');
  for (const char* key : {"attention.sliding_window_pattern", "layer_pattern"}) {
    if (!reader_.has(key)) continue;
    JsonReader reader(reader_.at(key), key);
    std::string period;
    int repeat = 0;
    reader.read("period", period);
    reader.read("repeat", repeat);
    reader.finish();
    pattern.clear();
    for (int i = 0; i < repeat; ++i) pattern += period;
    if (pattern.size() != static_cast<std::size_t>(block_count)) {
      throw reader_.error(
          fmt::format("{} gives {} layers, block_count {}", key, pattern.size(), block_count));
    }
  }
  return pattern;
}

bool Card::selects(const Json& layers, int layer) const {
  if (layers.is_string()) {
    const auto which = layers.get<std::string>();
    return which == "all" || which == "*" ||
           which == std::string(1, pattern_[static_cast<std::size_t>(layer)]);
  }
  return std::find(layers.begin(), layers.end(), layer) != layers.end();
}

/// Llama 3's divisors: none for short waves, `factor` for long ones, a ramp between.
double llama3_divisor(double wave_length, double factor, double low, double high, double original_context) {
  if (wave_length < original_context / high) return 1;
  if (wave_length > original_context / low) return factor;
  const double ramp = (original_context / wave_length - low) / (high - low);
  return 1 / ((1 - ramp) / factor + ramp);
}

std::vector<double> Card::read_rope_freqs(ModelSpec& model) {
  std::vector<double> divisors;
  if (!reader_.has("rope_freqs")) return divisors;
  JsonReader reader(reader_.at("rope_freqs"), "rope_freqs");
  std::string which = "all";
  if (reader.has("llama3")) {
    JsonReader llama3(reader.at("llama3"), "rope_freqs.llama3");
    double factor = 0, low = 0, high = 0, original_context = 0;
    llama3.read("factor", factor);
    llama3.read("low_freq_factor", low);
    llama3.read("high_freq_factor", high);
    llama3.read("original_max_position_embeddings", original_context);
    llama3.finish();
    const LayerSpec& layer = model.layers.front();
    for (int i = 0; i < layer.rope_dimension_count; i += 2) {
      const double exponent = static_cast<double>(i) / layer.rope_dimension_count;
      const double wave_length = 2 * std::numbers::pi * std::pow(layer.rope_freq_base, exponent);
      divisors.push_back(llama3_divisor(wave_length, factor, low, high, original_context));
    }
  } else {
    int ones = 0, stopped = 0;
    reader.read("ones", ones);
    reader.read("1e30", stopped);
    reader.read("layers", which);
    divisors.assign(static_cast<std::size_t>(ones), 1.0);
    divisors.insert(divisors.end(), static_cast<std::size_t>(stopped), 1e30);
  }
  reader.finish();
  for (int i = 0; i < model.block_count; ++i) {
    model.layers[static_cast<std::size_t>(i)].rope_freqs = selects(Json(which), i);
  }
  return divisors;
}

void Card::read_layers(ModelSpec& model) {
  int n_head = 0, key_length = 0;
  reader_.read("attention.head_count", n_head);
  reader_.read("attention.key_length", key_length);
  const Json& kv_heads = reader_.at("attention.head_count_kv");
  const auto heads_of = [&](char kind) {
    if (!kv_heads.is_object()) return kv_heads.get<int>();
    int heads = 0;
    JsonReader(kv_heads, "attention.head_count_kv").read(std::string(1, kind).c_str(), heads);
    return heads;
  };
  const auto or_else = [](int value, int otherwise) { return value > 0 ? value : otherwise; };
  const int value_length = or_else(optional_int("attention.value_length"), key_length);
  const int key_length_swa = or_else(optional_int("attention.key_length_swa"), key_length);
  const int value_length_swa = or_else(optional_int("attention.value_length_swa"),
                                       key_length_swa == key_length ? value_length : key_length_swa);
  const int window = optional_int("attention.sliding_window");
  double base = 0;
  int dimensions = 0;
  reader_.read("rope.freq_base", base);
  reader_.read("rope.dimension_count", dimensions);
  const double base_swa = optional_double("rope.freq_base_swa", base);
  const int dimensions_swa = or_else(optional_int("rope.dimension_count_swa"), dimensions);
  const Json value_is_key = reader_.has("attention.k_eq_v") ? reader_.at("attention.k_eq_v") : Json();

  for (int i = 0; i < model.block_count; ++i) {
    const char kind = pattern_[static_cast<std::size_t>(i)];
    const bool sliding = kind == 'S';
    LayerSpec layer{.sliding = sliding,
                    .n_head = n_head,
                    .n_head_kv = kind == 'L' ? 0 : heads_of(kind),
                    .key_length = sliding ? key_length_swa : key_length,
                    .value_length = sliding ? value_length_swa : value_length,
                    .window = sliding ? window : 0,
                    .value_is_key = value_is_key.is_string() && selects(value_is_key, i),
                    .rope_freq_base = sliding ? base_swa : base,
                    .rope_dimension_count = sliding ? dimensions_swa : dimensions};
    if (kind == 'L') layer.n_head = layer.key_length = layer.value_length = layer.rope_dimension_count = 0;
    model.layers.push_back(layer);
  }
  read_state(model);
}

/// What the layers of linear attention keep of a sequence.
void Card::read_state(ModelSpec& model) {
  if (!reader_.has("recurrent_state")) return;
  JsonReader reader(reader_.at("recurrent_state"), "recurrent_state");
  const Json layers = reader.at("layers");
  std::int64_t conv = 0, recurrent = 0;
  reader.read("conv_f32", conv);
  reader.read("ssm_f32", recurrent);
  reader.finish();
  for (int i = 0; i < model.block_count; ++i) {
    if (!selects(layers, i)) continue;
    model.layers[static_cast<std::size_t>(i)].conv_state = conv;
    model.layers[static_cast<std::size_t>(i)].recurrent_state = recurrent;
  }
}

void Card::read_rope_scaling(ModelSpec& model) {
  RopeScaling& scaling = model.rope_scaling;
  if (!reader_.has("rope.scaling.type")) return;
  std::string type;
  reader_.read("rope.scaling.type", type);
  if (type != "yarn" && type != "linear")
    throw reader_.error(fmt::format("rope.scaling.type is yarn or linear, not {}", type));
  scaling.yarn = type == "yarn";
  reader_.read("rope.scaling.factor", scaling.factor);
  scaling.original_context_length = optional_int("rope.scaling.original_context_length");
  scaling.beta_fast = optional_double("yarn_beta_fast", scaling.beta_fast);
  scaling.beta_slow = optional_double("yarn_beta_slow", scaling.beta_slow);
}

CardTensor Card::read_tensor(const Json& row) const {
  const bool shaped = row.is_array() && row.size() == 4 && row[0].is_string() && row[2].is_array() &&
                      !row[2].empty() && row[2].size() <= 4 && row[3].is_string() &&
                      (row[1].is_null() || row[1].is_string() || row[1].is_array());
  if (!shaped)
    throw reader_.error(
        fmt::format("a row of tensors is [name, layers, shape, role], not {}", dump_json(row)));
  CardTensor tensor{.name = row[0].get<std::string>(), .layers = row[1]};
  for (const Json& n : row[2]) {
    if (!n.is_number_integer() || n.get<std::int64_t>() <= 0) {
      throw reader_.error(
          fmt::format("{} has the shape {}, which no tensor can have", tensor.name, dump_json(row[2])));
    }
    tensor.ne.push_back(n.get<std::int64_t>());
  }
  const auto role = std::find_if(std::begin(kRoles), std::end(kRoles),
                                 [&](Role known) { return row[3].get<std::string>() == to_string(known); });
  if (role == std::end(kRoles)) {
    throw reader_.error(fmt::format("{} has the unknown role {}", tensor.name, dump_json(row[3])));
  }
  tensor.role = *role;
  return tensor;
}

/// Global tensors first, then layer by layer, as converters write them.
void Card::expand_tensors(ModelSpec& model) {
  std::vector<CardTensor> rows;
  for (const Json& row : reader_.list("tensors")) rows.push_back(read_tensor(row));
  for (int layer = -1; layer < model.block_count; ++layer) {
    for (const CardTensor& row : rows) {
      if (row.layers.is_null() != (layer < 0) || (layer >= 0 && !selects(row.layers, layer))) continue;
      TensorSpec tensor{.name = layer < 0 ? row.name : fmt::format("blk.{}.{}", layer, row.name),
                        .layer = layer,
                        .role = row.role};
      std::copy(row.ne.begin(), row.ne.end(), tensor.ne.begin());
      model.tensors.push_back(tensor);
    }
  }
}

void Card::check(const ModelSpec& model) {
  std::int64_t n_params = 0, n_tensors = 0;
  reader_.read("n_params", n_params);
  reader_.read("n_tensors", n_tensors);
  if (n_params != model.n_params() || n_tensors != static_cast<std::int64_t>(model.tensors.size())) {
    throw reader_.error(fmt::format("its tensors are {} with {} weights, but it says {} with {}",
                                    model.tensors.size(), model.n_params(), n_tensors, n_params));
  }
}

std::string fingerprint_of(const ModelSpec& model) {
  std::string text =
      fmt::format("{} {} {}", model.architecture, model.embedding_length, model.expert_used_count);
  for (const LayerSpec& layer : model.layers) {
    text += fmt::format("|{} {} {}", layer.n_head, layer.n_head_kv, layer.window);
  }
  for (const TensorSpec& tensor : model.tensors) {
    const auto& ne = tensor.ne;
    text += fmt::format("|{} {} {} {} {} {}", tensor.name, ne[0], ne[1], ne[2], ne[3], info(tensor.type).key);
  }
  return hex16(hash64(text));
}

double embedding_scale(JsonReader& card, const ModelSpec& model) {
  if (!card.has("embedding_scale")) return 1;
  const Json& scale = card.at("embedding_scale");
  if (scale == "sqrt(embedding_length)") return std::sqrt(model.embedding_length);
  if (!scale.is_number()) throw card.error("embedding_scale must be a number or \"sqrt(embedding_length)\"");
  return scale.get<double>();
}

ModelSpec Card::model(std::string_view type, std::string_view head_type) {
  ModelSpec model;
  model.synthetic = true;
  reader_.read("id", model.id);
  reader_.read("general.architecture", model.architecture);
  reader_.read("block_count", model.block_count);
  if (model.block_count <= 0) throw reader_.error("block_count must be above 0");
  reader_.read("embedding_length", model.embedding_length);
  reader_.read("vocab_size", model.vocab_size);
  reader_.read("tied_output", model.tied_head);
  reader_.read("attention.layer_norm_rms_epsilon", model.norm_eps);
  reader_.read("attention.scale", model.attention_scale);
  if (reader_.has("header_bytes")) reader_.read("header_bytes", model.header_bytes);
  model.context_length = optional_int("context_length");
  model.feed_forward_length = optional_int("feed_forward_length");
  model.expert_count = optional_int("expert_count");
  model.expert_used_count = optional_int("expert_used_count");
  model.expert_feed_forward_length = optional_int("expert_feed_forward_length");
  model.final_logit_softcap = optional_double("final_logit_softcapping", 0);
  model.embedding_length_per_layer_input = optional_int("embedding_length_per_layer_input");
  model.embedding_length_out = optional_int("embedding_length_out");
  model.embedding_scale = embedding_scale(reader_, model);
  pattern_ = read_pattern(model.block_count);
  read_layers(model);
  read_rope_scaling(model);
  share_kv(model, optional_int("attention.shared_kv_layers"));
  model.rope_freqs = read_rope_freqs(model);
  expand_tensors(model);
  check(model);

  assign_types(model, reader_, type, head_type);
  for (const char* key : kUnusedKeys) reader_.has(key);
  reader_.finish();
  model.fingerprint = fingerprint_of(model);
  return model;
}

}  // namespace

ModelSpec model_from_card(const std::string& card_path, std::string_view type, std::string_view head_type) {
  return Card(card_path).model(type, head_type);
}

}  // namespace oldiron
