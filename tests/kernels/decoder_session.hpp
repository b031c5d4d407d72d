// What the decoder's tests share: golden files, generated models, and a decoder with all that it needs.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/text.hpp"
#include "kernels/decoder.hpp"
#include "tests/kernels/product_case.hpp"

namespace oldiron {

inline std::string golden(const std::string& name) { return std::string(OLDIRON_TEST_DATA) + "/golden/models/" + name; }

// Not files: the golden model's shapes with generated weights of these types. 96, the experts' width, is no multiple of 256.
constexpr const char* kGeneratedQ4 = "generated Q4_0";
constexpr const char* kGeneratedQ4K = "generated Q4_K and Q5_0";

// Generated F32 weights in the shapes of the dense golden model, but all heads of 32: quantised caches come in blocks of so
// many. Dense, because a router that tips over makes an error of any size out of a small one.
constexpr const char* kGeneratedWide = "generated F32, wide heads";

inline ModelSpec with_wide_heads(ModelSpec model) {
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    LayerSpec& layer = model.layers[i];
    const int times = 32 / layer.key_length;
    layer.key_length = layer.value_length = 32;
    layer.rope_dimension_count *= times;
    for (TensorSpec& tensor : model.tensors) {
      const auto is = [&](const char* name) { return tensor.name == fmt::format("blk.{}.{}.weight", i, name); };
      if (is("attn_q") || is("attn_k") || is("attn_v")) tensor.ne[1] *= times;
      if (is("attn_output") || is("attn_q_norm") || is("attn_k_norm")) tensor.ne[0] *= times;
    }
  }
  return model;
}

/// "tiny-mixtral:q8_0": the card of that name in tests/data/cards, in one type or by a profile of it.
inline ModelSpec tiny(const std::string& name) {
  const std::size_t colon = name.find(':');
  return model_from_card(std::string(OLDIRON_TEST_DATA) + "/cards/" + name.substr(0, colon) + ".json", name.substr(colon + 1));
}

/// A golden file, one of the generated models above, or a tiny one with generated weights.
inline std::shared_ptr<const WeightSource> open(const std::string& name) {
  if (name == kGeneratedWide) return generate_weights(with_wide_heads(open_gguf(golden("gemma4-dense.F32.gguf"))->model()), 3);
  if (const std::size_t colon = name.find(':'); colon != std::string::npos) return generate_weights(tiny(name), 3);
  if (name != kGeneratedQ4 && name != kGeneratedQ4K) return open_gguf(golden(name));
  ModelSpec model = open_gguf(golden("gemma4-moe.Q8_0.gguf"))->model();
  for (TensorSpec& tensor : model.tensors) {
    if (tensor.type != TensorType::q8_0) continue;
    tensor.type = name == kGeneratedQ4 ? TensorType::q4_0 : tensor.k() % 256 == 0 ? TensorType::q4_k : TensorType::q5_0;
  }
  return generate_weights(model, 3);
}

struct Golden {
  std::vector<std::int32_t> tokens;
  int n_vocab = 0;
  std::vector<float> logits;
};

inline Golden read_golden(const std::string& name) {
  const Json json = parse_json(read_file(golden(name)), name);
  Golden g{json.at("tokens").get<std::vector<std::int32_t>>(), json.at("n_vocab").get<int>(), {}};
  for (const Json& row : json.at("logits"))
    for (const Json& value : row) g.logits.push_back(value.get<float>());
  return g;
}

inline int top(std::span<const float> row) { return static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin()); }

struct Session {
  Team team;
  Config config;
  std::shared_ptr<Weights> weights;

  Session(const WeightSource& source, Config c, int threads = 2)
      : team(std::vector<int>(static_cast<std::size_t>(threads), 0)), config(c),
        weights(std::make_shared<Weights>(source, kernel_set(isa_from_name(lever("isa").get(config)), config.repack != Switch::off), config.activation_type, config.page_size, team)) {}

  Decoder decoder(DecoderOptions options) {
    options.n_experts = config.n_experts;
    return Decoder(weights, config, options, team);
  }

  // All logits of one sequence, in steps of `ubatch` tokens.
  std::vector<float> logits(const std::vector<std::int32_t>& tokens, int ubatch, int threads = 2) {
    const auto n = static_cast<int>(tokens.size());
    Decoder d = decoder({.max_sequences = 1, .max_context = n, .max_step_tokens = ubatch});
    std::vector<float> out(tokens.size() * static_cast<std::size_t>(weights->model().vocab_size));
    for (int begin = 0; begin < n; begin += ubatch) {
      std::vector<StepToken> step;
      for (int i = begin; i < std::min(n, begin + ubatch); ++i) step.push_back({tokens[static_cast<std::size_t>(i)], 0, i, true});
      d.step(step, threads, out.data() + std::int64_t{begin} * weights->model().vocab_size);
    }
    return out;
  }
};

inline Config f32_cache() {
  Config config;
  config.kv_type = KvType::f32;
  config.page_size = PageSize::small;
  return config;
}

}  // namespace oldiron
