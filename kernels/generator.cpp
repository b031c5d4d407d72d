// Weights made from a seed: any row at any time, the same bytes everywhere, such that a model of them
// behaves.
//
// A row's key is a mix of (seed, tensor name, row); its words come from a counter
// (kernels/formats/random.hpp). The distribution, chosen so that nothing explodes, collapses or aligns in a
// forward pass of gemma4:
//   matrices              uniform fields, standard deviation 1 / sqrt(k), a random sign per block scale:
//   outputs are as
//                         large as inputs, and no direction is common to all rows (else all tokens come to
//                         look alike and a handful of experts takes all the work)
//   token embedding       the same: sqrt(d) times a row has elements of size 1, and logits a deviation near 1
//   norms, .scale         1 +- 10 %
//   post_attention_norm   kAttentionSize +- 10 %
//   attn_k_norm           such that attention scores have a deviation of kScoreDeviation
//   ffn_gate_inp.weight   such that router logits have a deviation of kRouterDeviation
//   layer_output_scale    0.9 .. 1: each layer adds two vectors of size 1 and the residual settles near a
//   size of 4 biases, sinks         +- 0.1 rope_freqs            the divisors of the model itself
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/check.hpp"
#include "core/text.hpp"
#include "kernels/fingerprint.hpp"
#include "kernels/formats/format.hpp"
#include "kernels/formats/random.hpp"
#include "kernels/weight_source.hpp"

namespace oldiron {

namespace {

// With a deviation of 4 a query attends to a few keys of hundreds. Near 1 it would average them all, and with
// every layer's average shared by all tokens their hidden states would align.
constexpr double kScoreDeviation = 4;

// Tokens of one text attend to the same keys, so what attention adds is alike for all. Forward pass of 16
// random tokens through 30 layers of Gemma-4-26B, q4_0: at size 1 their hidden states have a mean cosine of
// 0.26 and the least layer takes 55 experts of 128; at 0.5 it is 0.05 and 72, where independent choices would
// give 82.
constexpr double kAttentionSize = 0.5;

// The first of the eight chosen experts then gets a third of their weight and the eighth still a twentieth.
constexpr double kRouterDeviation = 2;

struct Recipe {
  enum class Kind { matrix, around, listed } kind = Kind::matrix;
  std::uint64_t key = 0;
  float amplitude = 1;             ///< matrix: gain; around: largest distance from the centre
  float centre = 0;                ///< around
  const Format* format = nullptr;  ///< matrix
};

bool ends_with(const std::string& name, std::string_view end) { return name.ends_with(end); }

Recipe around(double centre, double distance) {
  return {Recipe::Kind::around, 0, static_cast<float>(distance), static_cast<float>(centre), nullptr};
}

/// The kind and the size of a tensor's weights, by the table above.
Recipe recipe_of(const ModelSpec& model, const TensorSpec& tensor) {
  const std::string& name = tensor.name;
  const auto k = static_cast<double>(tensor.k());
  if (name == "rope_freqs.weight") return {Recipe::Kind::listed, 0, 0, 0, nullptr};
  if (ends_with(name, "attn_k_norm.weight")) {
    const double centre = kScoreDeviation / (model.attention_scale * std::sqrt(k));
    return around(centre, 0.1 * centre);
  }
  if (ends_with(name, "post_attention_norm.weight")) return around(kAttentionSize, 0.1 * kAttentionSize);
  if (ends_with(name, "layer_output_scale.weight")) return around(0.95, 0.05);
  if (ends_with(name, ".bias") || ends_with(name, "attn_sinks.weight")) return around(0, 0.1);
  if (ends_with(name, ".scale") || tensor.role == Role::norm || tensor.rows() == 1) return around(1, 0.1);
  Recipe matrix;
  matrix.format = format(tensor.type);
  if (ends_with(name, "ffn_gate_inp.weight")) {
    // gemma4 divides the router's input by sqrt(d), so that it has a length of 1; elsewhere its elements
    // have.
    matrix.amplitude =
        static_cast<float>(kRouterDeviation * (model.architecture == "gemma4" ? std::sqrt(k) : 1));
  }
  return matrix;
}

class Generator final : public WeightSource {
 public:
  Generator(ModelSpec model, std::uint64_t seed) : model_(std::move(model)) {
    model_.synthetic = true;
    model_.fingerprint = model_fingerprint(model_, fmt::format("generated, seed {}", seed));
    for (const TensorSpec& tensor : model_.tensors) {
      Recipe recipe = recipe_of(model_, tensor);
      recipe.key = formats::mix(seed ^ formats::mix(hash64(tensor.name)));
      const bool possible =
          recipe.kind == Recipe::Kind::matrix ? recipe.format != nullptr : tensor.type == TensorType::f32;
      if (!possible) {
        throw Error(fmt::format(
            "{}: tensor {} cannot be generated as {}; choose a type that is computed, such as q4_0",
            model_.id, tensor.name, info(tensor.type).name));
      }
      if (recipe.kind == Recipe::Kind::listed && !model_.rope_freqs.empty() &&
          static_cast<std::int64_t>(model_.rope_freqs.size()) != tensor.k()) {
        throw Error(fmt::format("{}: {} has {} values, the model lists {}", model_.id, tensor.name,
                                tensor.k(), model_.rope_freqs.size()));
      }
      recipes_.emplace(tensor.name, recipe);
    }
  }

  const ModelSpec& model() const override { return model_; }

  void read_rows(const TensorSpec& tensor, std::int64_t row_begin, std::int64_t row_end,
                 std::byte* out) const override {
    const auto found = recipes_.find(tensor.name);
    CHECK(found != recipes_.end(), "a tensor of this model");
    CHECK(row_begin >= 0 && row_begin <= row_end && row_end <= tensor.rows(), "rows of the tensor");
    const std::int64_t bytes = row_bytes(tensor.type, tensor.k());
    for (std::int64_t row = row_begin; row < row_end; ++row, out += bytes)
      write_row(found->second, tensor.k(), row, out);
  }

 private:
  void write_row(const Recipe& recipe, std::int64_t k, std::int64_t row, std::byte* out) const {
    const std::uint64_t key = formats::mix(recipe.key + static_cast<std::uint64_t>(row));
    switch (recipe.kind) {
      case Recipe::Kind::matrix:
        return recipe.format->generate(key, k, recipe.amplitude, out);
      case Recipe::Kind::around:
        return write_around(recipe, key, k, out);
      case Recipe::Kind::listed:
        return write_listed(k, out);
    }
  }

  static void write_around(const Recipe& recipe, std::uint64_t key, std::int64_t k, std::byte* out) {
    formats::RandomStream random(key);
    for (std::int64_t i = 0; i < k; ++i) {
      const float unit =
          static_cast<float>(static_cast<std::int32_t>(random.next() >> 32)) * 0x1p-31F;  // in [-1, 1)
      const float value = recipe.centre + recipe.amplitude * unit;
      std::memcpy(out + i * 4, &value, 4);
    }
  }

  void write_listed(std::int64_t k, std::byte* out) const {
    for (std::int64_t i = 0; i < k; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const float value = model_.rope_freqs.empty() ? 1.0F : static_cast<float>(model_.rope_freqs[at]);
      std::memcpy(out + i * 4, &value, 4);
    }
  }

  ModelSpec model_;
  std::unordered_map<std::string, Recipe> recipes_;
};

}  // namespace

std::unique_ptr<WeightSource> generate_weights(ModelSpec model, std::uint64_t seed) {
  return std::make_unique<Generator>(std::move(model), seed);
}

}  // namespace oldiron
