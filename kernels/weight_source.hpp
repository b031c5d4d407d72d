// WeightSource: the one door through which a model's weights come, a GGUF file or a deterministic generator. Frozen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/model.hpp"

namespace oldiron {

/// Gives rows of tensors as plain GGUF rows. Thread-safe: the thread that will read a packed row group fetches its rows
/// into a small buffer and packs them where they will stay, so that no second copy of the model ever exists.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  virtual const ModelSpec& model() const = 0;

  /// Writes rows [row_begin, row_end) of `tensor`, row_bytes(type, k) each, to `out`.
  /// Rows of a 3-D tensor are counted through: expert e starts at e * ne[1].
  /// Errors: throws Error if a file cannot be read at that place. Needs: tensor is one of model().tensors.
  virtual void read_rows(const TensorSpec& tensor, std::int64_t row_begin, std::int64_t row_end,
                         std::byte* out) const = 0;
};

/// Opens a GGUF; throws Error (what, where in the file, what to do).
std::unique_ptr<WeightSource> open_gguf(const std::string& path);

/// Weights made from (seed, tensor name, row): the same bytes in any order, by any thread, on any machine. Scales are
/// such that activations keep their size, and carry a random sign per block so that routing does not collapse.
std::unique_ptr<WeightSource> generate_weights(ModelSpec model, std::uint64_t seed);

/// Every tensor of `source` as F32: the same weights, for checking arithmetic.
std::unique_ptr<WeightSource> dequantised(std::shared_ptr<const WeightSource> source);

}  // namespace oldiron
