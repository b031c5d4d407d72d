// The same weights as another source's, every tensor as F32.
#include <fmt/format.h>

#include <cstring>
#include <utility>
#include <vector>

#include "core/check.hpp"
#include "kernels/fingerprint.hpp"
#include "kernels/formats/format.hpp"
#include "kernels/weight_source.hpp"

namespace oldiron {

namespace {

class Dequantised final : public WeightSource {
 public:
  explicit Dequantised(std::shared_ptr<const WeightSource> source)
      : source_(std::move(source)), model_(source_->model()) {
    for (TensorSpec& tensor : model_.tensors) {
      if (format(tensor.type) == nullptr) {
        throw Error(fmt::format("{}: tensor {} cannot be dequantised: {} is only accounted for", model_.id,
                                tensor.name, info(tensor.type).name));
      }
      tensor.type = TensorType::f32;
    }
    model_.fingerprint = model_fingerprint(model_, "dequantised " + source_->model().fingerprint);
  }

  const ModelSpec& model() const override { return model_; }

  void read_rows(const TensorSpec& tensor, std::int64_t row_begin, std::int64_t row_end,
                 std::byte* out) const override {
    const TensorSpec* original = source_->model().find(tensor.name);
    CHECK(original != nullptr, "a tensor of this model");
    const std::int64_t k = original->k();
    std::vector<std::byte> row(static_cast<std::size_t>(row_bytes(original->type, k)));
    std::vector<float> values(static_cast<std::size_t>(k));
    const Format* from = format(original->type);
    CHECK(from != nullptr, "checked when the source was made");
    for (std::int64_t r = row_begin; r < row_end; ++r, out += 4 * k) {
      source_->read_rows(*original, r, r + 1, row.data());
      from->dequantise(row.data(), k, values.data());
      std::memcpy(out, values.data(), values.size() * sizeof(float));
    }
  }

 private:
  std::shared_ptr<const WeightSource> source_;
  ModelSpec model_;
};

}  // namespace

std::unique_ptr<WeightSource> dequantised(std::shared_ptr<const WeightSource> source) {
  return std::make_unique<Dequantised>(std::move(source));
}

}  // namespace oldiron
