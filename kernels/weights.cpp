#include "kernels/weights.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/formats/format.hpp"

namespace oldiron {

namespace {

// Matrices start on a page of their own: no two ranks' first touch meets in one page, and 64-byte loads stay aligned.
constexpr std::int64_t kMatrixAlignment = 4096;

bool is_head(const TensorSpec& tensor, bool tied) {
  return tensor.name == (tied ? "token_embd.weight" : "output.weight");
}

// Kept as floats, all rows of experts' biases one after the other.
bool is_vector(const TensorSpec& tensor) { return tensor.rows() == 1 || tensor.role == Role::exps_bias; }

std::int64_t aligned(std::int64_t bytes) { return (bytes + kMatrixAlignment - 1) / kMatrixAlignment * kMatrixAlignment; }

std::vector<float> read_vector(const WeightSource& source, const TensorSpec& tensor) {
  std::vector<std::byte> raw(static_cast<std::size_t>(tensor.bytes()));
  source.read_rows(tensor, 0, tensor.rows(), raw.data());
  std::vector<float> values(static_cast<std::size_t>(tensor.k() * tensor.rows()));
  format(tensor.type)->dequantise(raw.data(), tensor.k() * tensor.rows(), values.data());
  return values;
}

}  // namespace

Weights::Weights(const WeightSource& source, const KernelSet& kernels, ActivationType activations, PageSize page_size,
                 Team& team)
    : model_(source.model()), kernels_(kernels), activations_(activations), page_size_(page_size) {
  std::int64_t body_bytes = 0;
  std::vector<std::pair<const TensorSpec*, Matrix*>> plan;
  for (const TensorSpec& tensor : model_.tensors) {
    if (tensor.role == Role::unused) continue;
    if (format(tensor.type) == nullptr)
      throw Error(fmt::format("{}: tensor {} is {}, which oldiron can account for but not compute; use a file of another type",
                              model_.id, tensor.name, info(tensor.type).name));
    if (is_vector(tensor)) {
      vectors_[tensor.name] = read_vector(source, tensor);
      continue;
    }
    Matrix& matrix = matrices_[tensor.name] = describe(tensor);
    if (is_head(tensor, model_.tied_head)) {
      head_name_ = tensor.name;
      continue;
    }
    plan.emplace_back(&tensor, &matrix);
    body_bytes += aligned(matrix.expert_bytes * matrix.experts);
  }
  body_ = Buffer(static_cast<std::size_t>(body_bytes), page_size);
  std::byte* next = body_.data();
  for (auto& [tensor, matrix] : plan) {
    matrix->data = next;
    next += aligned(matrix->expert_bytes * matrix->experts);
  }
  team.run(team.size(), [&](int rank, int size) {
    for (const auto& [tensor, matrix] : plan) load(source, *tensor, *matrix, rank, size);
  });
  body_.collapse();
  if (!head_name_.empty()) replace_head(source, team);
}

void Weights::replace_head(const WeightSource& source, Team& team) {
  const TensorSpec* tensor = source.model().find(head_name_);
  CHECK(tensor != nullptr, "the new source has the same tensors");
  model_ = source.model();
  Matrix& matrix = matrices_[head_name_] = describe(*tensor);
  head_ = Buffer();  // frees the old head before the new one is asked for
  head_ = Buffer(static_cast<std::size_t>(aligned(matrix.expert_bytes)), page_size_);
  matrix.data = head_.data();
  team.run(team.size(), [&](int rank, int size) { load(source, *tensor, matrix, rank, size); });
  head_.collapse();
}

Matrix Weights::describe(const TensorSpec& tensor) const {
  Matrix matrix;
  matrix.type = tensor.type;
  matrix.k = tensor.ne[0];
  matrix.m = tensor.ne[1];
  matrix.experts = tensor.ne[2] * tensor.ne[3];
  matrix.parts = tensor.name.ends_with("ffn_gate_up_exps.weight") && matrix.m % (2 * kGroupRows) == 0 ? 2 : 1;
  const bool plain = tensor.type == TensorType::f32 || tensor.type == TensorType::f16 || tensor.type == TensorType::bf16;
  const bool rounded = activations_ == ActivationType::q8;
  matrix.quantised_input = !plain && rounded;
  matrix.layout = rounded ? kernels_.layout(tensor.type) : layout_of(tensor.type);
  matrix.expert_bytes = packed_bytes(tensor.type, matrix.layout, matrix.m, matrix.k);
  if (rounded) {
    matrix.matmul = kernels_.matmul_by_columns(tensor.type);
    matrix.gated = kernels_.gated_by_columns(tensor.type);
  } else {
    const MatmulFn matmul = kernels_.matmul_f32(tensor.type);
    const GatedFn gated = kernels_.gated_f32(tensor.type);
    matrix.matmul = {matmul, matmul};
    matrix.gated = {gated, gated};
  }
  return matrix;
}

void Weights::load(const WeightSource& source, const TensorSpec& tensor, const Matrix& matrix, int rank, int size) const {
  const std::int64_t bytes = row_bytes(tensor.type, matrix.k);
  std::vector<std::byte> group(static_cast<std::size_t>(bytes * kGroupRows));
  for (std::int64_t part = 0; part < matrix.experts * matrix.parts; ++part) {
    const std::int64_t height = matrix.m / matrix.parts;
    const std::int64_t first = part * height;
    const Range rows = share(height, kGroupRows, rank, size);
    std::byte* expert = matrix.data + part * (matrix.expert_bytes / matrix.parts);
    if (matrix.layout == Layout::rows) {
      source.read_rows(tensor, first + rows.begin, first + rows.end, expert + rows.begin * bytes);
      continue;
    }
    for (std::int64_t r = rows.begin; r < rows.end; r += kGroupRows) {
      const std::int64_t n = std::min(kGroupRows, height - r);
      source.read_rows(tensor, first + r, first + r + n, group.data());
      std::fill(group.begin() + n * bytes, group.end(), std::byte{0});
      pack_group(tensor.type, group.data(), matrix.k, expert + r * bytes);
    }
  }
}

const Matrix& Weights::matrix(std::string_view tensor_name) const {
  static const Matrix kNone;
  const auto it = matrices_.find(tensor_name);
  return it == matrices_.end() ? kNone : it->second;
}

const float* Weights::vector(std::string_view tensor_name) const {
  const auto it = vectors_.find(tensor_name);
  return it == vectors_.end() ? nullptr : it->second.data();
}

void Weights::row(const Matrix& matrix, std::int64_t row, float* out) const {
  const std::int64_t bytes = row_bytes(matrix.type, matrix.k);
  if (matrix.layout == Layout::rows) {
    format(matrix.type)->dequantise(matrix.data + row * bytes, matrix.k, out);
    return;
  }
  std::vector<std::byte> plain(static_cast<std::size_t>(bytes));
  const std::byte* group = matrix.data + row / kGroupRows * kGroupRows * bytes;
  unpack_row(matrix.type, group, matrix.k, static_cast<int>(row % kGroupRows), plain.data());
  format(matrix.type)->dequantise(plain.data(), matrix.k, out);
}

bool Weights::quantised() const {
  return std::any_of(matrices_.begin(), matrices_.end(), [](const auto& entry) { return entry.second.quantised_input; });
}

std::int64_t Weights::bytes() const { return static_cast<std::int64_t>(body_.size() + head_.size()); }

std::int64_t Weights::huge_page_bytes() const {
  const std::int64_t body = body_.huge_page_bytes();
  const std::int64_t head = head_.huge_page_bytes();
  return body < 0 || head < 0 ? -1 : body + head;
}

}  // namespace oldiron
