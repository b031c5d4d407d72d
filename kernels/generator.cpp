// Weights made from a seed: any row at any time, the same bytes everywhere, such that a model of them
// behaves.
//
// A row's key is a mix of (seed, tensor name, row); its words come from a counter
// (kernels/formats/random.hpp). How large they are: kernels/weight_recipe.hpp.
#include <fmt/format.h>

#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/check.hpp"
#include "core/text.hpp"
#include "kernels/fingerprint.hpp"
#include "kernels/formats/random.hpp"
#include "kernels/formats/row_generator.hpp"
#include "kernels/weight_recipe.hpp"
#include "kernels/weight_source.hpp"

namespace oldiron {

namespace {

using Recipe = WeightRecipe;

class Generator final : public WeightSource {
 public:
  Generator(ModelSpec model, std::uint64_t seed) : model_(std::move(model)) {
    model_.synthetic = true;
    model_.fingerprint = model_fingerprint(model_, fmt::format("generated, seed {}", seed));
    for (const TensorSpec& tensor : model_.tensors) {
      const Planned planned = {weight_recipe(model_, tensor), row_generator(tensor.type),
                               formats::mix(seed ^ formats::mix(hash64(tensor.name)))};
      const Recipe& recipe = planned.recipe;
      const bool possible =
          recipe.kind == Recipe::Kind::matrix ? planned.generate != nullptr : tensor.type == TensorType::f32;
      if (!possible) {
        throw Error(fmt::format(
            "{}: tensor {} cannot be generated as {}; choose another type, such as q4_0",
            model_.id, tensor.name, info(tensor.type).name));
      }
      if (recipe.kind == Recipe::Kind::listed && !model_.rope_freqs.empty() &&
          static_cast<std::int64_t>(model_.rope_freqs.size()) != tensor.k()) {
        throw Error(fmt::format("{}: {} has {} values, the model lists {}", model_.id, tensor.name,
                                tensor.k(), model_.rope_freqs.size()));
      }
      planned_.emplace(tensor.name, planned);
    }
  }

  const ModelSpec& model() const override { return model_; }

  void read_rows(const TensorSpec& tensor, std::int64_t row_begin, std::int64_t row_end,
                 std::byte* out) const override {
    const auto found = planned_.find(tensor.name);
    CHECK(found != planned_.end(), "a tensor of this model");
    CHECK(row_begin >= 0 && row_begin <= row_end && row_end <= tensor.rows(), "rows of the tensor");
    const std::int64_t bytes = row_bytes(tensor.type, tensor.k());
    for (std::int64_t row = row_begin; row < row_end; ++row, out += bytes)
      write_row(found->second, tensor.k(), row, out);
  }

 private:
  struct Planned {
    Recipe recipe;
    RowGenerator generate = nullptr;  ///< of the type; used for matrices
    std::uint64_t key = 0;
  };

  void write_row(const Planned& planned, std::int64_t k, std::int64_t row, std::byte* out) const {
    const std::uint64_t key = formats::mix(planned.key + static_cast<std::uint64_t>(row));
    switch (planned.recipe.kind) {
      case Recipe::Kind::matrix:
        return planned.generate(key, k, planned.recipe.amplitude, out);
      case Recipe::Kind::around:
        return write_around(planned.recipe, key, k, out);
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
  std::unordered_map<std::string, Planned> planned_;
};

}  // namespace

std::unique_ptr<WeightSource> generate_weights(ModelSpec model, std::uint64_t seed) {
  return std::make_unique<Generator>(std::move(model), seed);
}

}  // namespace oldiron
