// Weights: every matrix of a model in the layout its kernels read, packed or rows as in the file, written there by the
// thread that will read it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer.hpp"
#include "core/team.hpp"
#include "kernels/registry.hpp"
#include "kernels/weight_source.hpp"

namespace oldiron {

/// One matrix, or one matrix per expert, packed or as plain rows, with the kernels that multiply by it.
struct Matrix {
  TensorType type = TensorType::f32;
  Layout layout = Layout::r16;
  std::int64_t m = 0, k = 0;       ///< of one expert
  std::int64_t experts = 1;
  std::int64_t parts = 1;          ///< equal runs of rows that ranks share out one by one: gate and up in one tensor
  std::int64_t expert_bytes = 0;   ///< from one expert to the next
  std::byte* data = nullptr;
  ByColumns<MatmulFn> matmul;
  ByColumns<GatedFn> gated;
  bool quantised_input = false;    ///< reads int8 activations; else F32

  explicit operator bool() const { return data != nullptr; }

  const std::byte* expert(std::int64_t e) const { return data + e * expert_bytes; }
};

class Weights {
 public:
  /// Loads every tensor but `unused` ones; ranks of `team` pack what they will read. `activations`: f32 takes the slow
  /// kernels that multiply F32 activations. Throws Error naming a tensor whose type has no kernels.
  Weights(const WeightSource& source, const KernelSet& kernels, ActivationType activations, PageSize page_size, Team& team);

  const ModelSpec& model() const { return model_; }

  const KernelSet& kernels() const { return kernels_; }

  /// True if any matrix reads int8 activations.
  bool quantised() const;

  /// The matrix of this tensor, empty if the model has none.
  const Matrix& matrix(std::string_view tensor_name) const;

  /// A 1-D tensor or the biases of all experts as floats, nullptr if absent.
  const float* vector(std::string_view tensor_name) const;

  /// Row `row` of a matrix as floats (the embedding look-up).
  void row(const Matrix& matrix, std::int64_t row, float* out) const;

  /// Loads the head (and tied embedding) again, of another type, from `source`.
  void replace_head(const WeightSource& source, Team& team);

  std::int64_t bytes() const;
  std::int64_t huge_page_bytes() const;

  /// Everything but the head, as it lies in memory: for a stream over the very pages that decode reads.
  std::span<const std::byte> body() const { return {body_.data(), body_.size()}; }

  const std::map<std::string, Matrix, std::less<>>& matrices() const { return matrices_; }

 private:
  Matrix describe(const TensorSpec& tensor) const;
  void load(const WeightSource& source, const TensorSpec& tensor, const Matrix& matrix, int rank, int size) const;

  ModelSpec model_;
  KernelSet kernels_;
  ActivationType activations_;
  PageSize page_size_;
  std::string head_name_;
  std::map<std::string, Matrix, std::less<>> matrices_;
  std::map<std::string, std::vector<float>, std::less<>> vectors_;
  Buffer body_, head_;
};

}  // namespace oldiron
